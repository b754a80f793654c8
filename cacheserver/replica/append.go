package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// Apply is called by the leader's reader: it appends changes to the log, applies
// them, and returns the result. After a failure the leadership has ended, and the
// reader stops: another one reads the changes again.
func (r *Replica) Apply(changes []join.Change) store.Result {
	return r.append(&input{kind: changed, changes: changes})
}

// Tick appends that time has passed.
func (r *Replica) Tick() store.Result { return r.append(&input{kind: ticked}) }

// KnownHash returns the content hash of a document.
func (r *Replica) KnownHash(kind join.Kind, id string) (uint64, bool) {
	return r.o.Machine.KnownHash(kind, id)
}

// SetSource notes the state of the source, which is appended soon.
func (r *Replica) SetSource(state store.SourceState) {
	r.say.report(state)
	if l := r.leadership(); l != nil {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// SetRules appends rules of alerts if they are not in force; only the leader does.
func (r *Replica) SetRules(rules []byte) {
	r.mu.Lock()
	same := bytes.Equal(r.rules, rules)
	r.mu.Unlock()
	if !same {
		r.append(&input{kind: ruled, rest: rest{Rules: rules}})
	}
}

// append appends an input to the log and applies it. Before the first generation
// there is nothing to apply it to.
func (r *Replica) append(in *input) store.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.put(in)
}

// put is append while the lock is held.
func (r *Replica) put(in *input) store.Result {
	if r.lead == nil || !r.loaded {
		return store.Result{}
	}
	body, err := r.store(in)
	if err != nil {
		return store.Result{}
	}
	// It is applied as the others read it.
	decoded, err := readInput(body)
	if err != nil {
		r.fail(err)
		return store.Result{}
	}
	return r.apply(&decoded)
}

// store stores the entries of an input. The lock is held. If that fails, the
// leadership ends.
func (r *Replica) store(in *input) (body []byte, err error) {
	l := r.lead
	defer func() {
		if err != nil {
			l.end(err)
		}
	}()
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	in.moment = r.o.Now()
	in.rest.By, in.rest.Shared, in.rest.Notes = r.o.Name, r.reader.Shared(), r.reader.Notes()
	if body, err = encodeInput(in); err != nil {
		return nil, err
	}
	for _, entry := range split(body, r.seq+1, r.o.EntryBytes) {
		if err := r.storeOne(l.ctx, entry); err != nil {
			return nil, err
		}
		r.seq++
		if _, err := r.parts.add(entry, r.seq); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// storeOne stores one entry, with as many attempts as fit into appendFor.
func (r *Replica) storeOne(ctx context.Context, entry []byte) error {
	number := r.seq + 1
	id := fmt.Sprintf("%s %s %d %x", r.epoch, r.o.Name, number, r.o.Now().UnixNano())
	ctx, cancel := context.WithTimeout(ctx, appendFor)
	defer cancel()
	for {
		err := try(ctx, func(ctx context.Context) error { return r.o.Engine.Append(ctx, r.seq, id, entry) })
		switch {
		case err == nil:
			r.written()
			return nil
		case errors.Is(err, ErrRefused):
			r.written()
			// An attempt that got no answer may have been stored.
			if stored, err := r.o.Engine.Entry(ctx, number); err == nil && bytes.Equal(stored, entry) {
				return nil
			}
			if r.o.Hooks.Refused != nil {
				r.o.Hooks.Refused()
			}
			return err
		}
		r.unwritten(err)
		if !pause(ctx, lookEvery) {
			return fmt.Errorf("append to the log: %w", err)
		}
	}
}

// written records that the log takes entries.
func (r *Replica) written() {
	if r.say.written() {
		r.o.Log.Info("the log has room again")
	}
}

// unwritten records that the log did not answer, or has no room. Entries and the lease
// are tried again as after no answer.
func (r *Replica) unwritten(err error) {
	if !errors.Is(err, ErrFull) {
		r.say.unanswered()
	} else if r.say.fill() {
		r.o.Log.Error("the log has no room: nothing is written until it has", "err", err)
	}
}

// try bounds one call of the engine.
func try(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	return call(ctx)
}

// report notes the state of the source.
func (s *said) report(state store.SourceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = &state
}

// take returns the state of the source that was reported and is not in the log.
func (s *said) take() *store.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pending
	s.pending = nil
	return state
}
