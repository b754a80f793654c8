package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// upkeep is the work that makes later requests cheap and that nobody waits
// for: blocks of equal length, so that pages begin and end with blocks, and
// signatures and compressed segments of blocks that changed. It works beside writers and
// readers, with a bounded share of one core: after each small piece of work it
// rests in proportion.
type upkeep struct {
	s      *Store
	editor *table.Editor // its own: the store's is the writers'
	cursor int           // chunk where the search for cold blocks goes on

	allowance float64 // bytes of blocks that may be replaced now
	filled    time.Time

	counted time.Time // when it was last counted whether there is room for segments
}

// Bounds of upkeep.
const (
	settle   = 300 * time.Millisecond // after a generation: blocks often change again at once
	lookOver = 5 * time.Second        // also without a new generation
	turned   = 16                     // a share of Memory: replaced blocks in the time that generations are kept
)

func newUpkeep(s *Store) *upkeep {
	return &upkeep{s: s, editor: table.NewEditor(s.layout), allowance: float64(s.opt.Memory / turned), filled: s.opt.Now()}
}

// Upkeep keeps blocks aligned and segments made until ctx ends; one call of it
// runs beside everything else. It returns nil when ctx ends.
func (s *Store) Upkeep(ctx context.Context) error {
	u := newUpkeep(s)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.first:
		}
		began := time.Now()
		busy, err := u.step(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is the way to stop this
		}
		if err != nil {
			return fmt.Errorf("upkeep of the store: %w", err)
		}
		if busy {
			u.rest(ctx, time.Since(began))
		} else {
			u.await(ctx)
		}
	}
}

// rest waits so long that the work before it is the allowed share.
func (u *upkeep) rest(ctx context.Context, worked time.Duration) {
	share := u.s.opt.Upkeep
	pause(ctx, time.Duration(float64(worked)*(1-share)/share))
}

// await waits for a new generation and lets it settle.
func (u *upkeep) await(ctx context.Context) {
	cur := u.s.current.Load()
	look := time.NewTimer(lookOver)
	defer look.Stop()
	select {
	case <-ctx.Done():
	case <-look.C:
	case <-cur.superseded:
		pause(ctx, settle)
	}
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		runtime.Gosched()
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// step does one piece of work; busy is false when there is none now.
func (u *upkeep) step(ctx context.Context) (busy bool, err error) {
	if busy, err = u.align(ctx); busy || err != nil {
		return busy, err
	}
	if busy, err = u.arrange(ctx); busy || err != nil {
		return busy, err
	}
	return u.warmNext(ctx)
}

// align takes one step towards aligned blocks. Old blocks stay in memory with
// the kept generations that have them, so their bytes are rationed.
func (u *upkeep) align(ctx context.Context) (busy bool, err error) {
	now := u.s.opt.Now()
	most := float64(u.s.opt.Memory / turned)
	u.allowance = min(most, u.allowance+most*now.Sub(u.filled).Seconds()/u.s.opt.KeepFor.Seconds())
	u.filled = now
	if u.allowance <= 0 {
		return false, nil
	}
	a, ok := u.editor.Align(u.s.current.Load().tree)
	if !ok {
		return false, nil
	}
	warm := u.segments()
	for _, b := range a.New {
		if err := u.make(ctx, b, warm); err != nil {
			return true, err
		}
	}
	if u.s.put(a) && u.s.kept.some() {
		u.allowance -= float64(a.Dropped())
	}
	return true, nil
}

// put shows the newest generation in other blocks; false when writers changed
// those blocks in the meantime.
func (s *Store) put(a table.Alignment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.current.Load()
	next, ok := cur.tree.Put(a)
	if !ok {
		return false
	}
	again := &Snapshot{
		id: cur.id, number: cur.number, time: cur.time, told: cur.told, store: s, tree: next, sums: cur.sums, infos: cur.infos,
		docs: cur.docs, superseded: cur.superseded, lists: newLists(s),
	}
	cur.lists.carry(again)
	s.current.Store(again)
	s.bound(s.retire(cur.tree, next))
	return true
}

// Rebalance cuts all records into blocks of equal length at once, as a full
// read does; Upkeep does the same bit by bit. Content and generation stay. It
// says whether there was something to do.
func (s *Store) Rebalance() (done bool) {
	e := table.NewEditor(s.layout)
	for cur := s.current.Load(); cur != nil; cur = s.current.Load() {
		a, ok := e.Align(cur.tree)
		if !ok {
			break
		}
		done = s.put(a) || done
	}
	return done
}

// segments gives the forms that are made ahead: the usual one, and the other
// once somebody asked for it.
func (u *upkeep) segments() (forms []block.Form) {
	forms = append(forms, block.Array)
	if u.s.wanted[block.Lines].Load() {
		forms = append(forms, block.Lines)
	}
	return forms
}

// make makes what a search needs of a block, and the given segments, as short
// as they can be.
func (u *upkeep) make(ctx context.Context, b *block.Block, forms []block.Form) error {
	b.Sign(u.s.layout)
	for _, form := range forms {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.s.press(b, form); err != nil {
			return err
		}
	}
	return nil
}

// press makes a segment as short as it can be, if there is room for it.
func (s *Store) press(b *block.Block, form block.Form) error {
	if b.Pressed(form) || !s.room() {
		return nil
	}
	before := b.Segments()
	err := b.Press(form)
	s.account.segments.Add(b.Segments() - before)
	return err //nolint:wrapcheck // it says what it compressed
}

// signed are the blocks that get their signatures at once: one of them takes
// much less time than a segment.
const signed = 8

// warmNext makes what the next blocks lack: signatures of all blocks first, for
// a search needs all of them; busy is false when nothing is lacking.
func (u *upkeep) warmNext(ctx context.Context) (busy bool, err error) {
	chunks := u.s.current.Load().tree.Chunks()
	if u.signNext(chunks) {
		return true, nil
	}
	if !u.hasRoom() {
		return false, nil
	}
	forms := u.segments()
	bits := uint32(forSearch<<1)<<len(forms) - 1
	for range chunks {
		if u.cursor >= len(chunks) {
			u.cursor = 0
		}
		c := chunks[u.cursor]
		if !c.Settled(bits) {
			for _, b := range c.Blocks {
				if !b.Pressed(forms...) {
					return true, u.make(ctx, b, forms)
				}
			}
			c.Settle(bits)
		}
		u.cursor++
	}
	return false, nil
}

// hasRoom says whether another segment may be made. What is known of that gets
// old: blocks take their segments along.
func (u *upkeep) hasRoom() bool {
	if now := time.Now(); !u.s.room() && now.Sub(u.counted) > lookOver {
		u.counted = now
		u.s.Account()
	}
	return u.s.room()
}

// forSearch is the bit of chunks whose blocks have their signatures; the bits
// of forms follow it.
const forSearch = 1

func (u *upkeep) signNext(chunks []*table.Chunk) (busy bool) {
	left := signed
	for _, c := range chunks {
		if c.Settled(forSearch) {
			continue
		}
		for _, b := range c.Blocks {
			if b.Signed() {
				continue
			}
			if left == 0 {
				return true
			}
			b.Sign(u.s.layout)
			left--
		}
		c.Settle(forSearch)
	}
	return left < signed
}

// errNoSegments says that a format is not made of segments.
var errNoSegments = errors.New("the format has no segments")

// formOf gives the segments that a format is made of.
func formOf(format wire.Format) (block.Form, error) {
	switch format {
	case wire.JSON:
		return block.Array, nil
	case wire.NDJSON:
		return block.Lines, nil
	}
	return 0, fmt.Errorf("format %q: %w", format, errNoSegments)
}

// Warm makes the compressed segments of the generation, as short as they can
// be and as many as there is memory for, so that no reader waits for one. It stops with ctx; blocks that newer
// generations share stay warm in them.
func (g *Snapshot) Warm(ctx context.Context, format wire.Format) error {
	form, err := formOf(format)
	if err != nil {
		return fmt.Errorf("warm segments: %w", err)
	}
	g.tree.Range(0, g.tree.Len(), func(b *block.Block, _, _ int) bool {
		if err = ctx.Err(); err == nil {
			err = g.store.press(b, form)
		}
		return err == nil
	})
	return err
}
