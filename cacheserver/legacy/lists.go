package legacy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

// names calls fn with the names of one kind that a document contains. deep: also
// with texts that are nested where no names are expected.
type names func(d *property.Document, deep bool, fn func(name string))

func (c *call) globallocks() error    { return c.list((*property.Document).EachDataset) }
func (c *call) protectedLFNs() error  { return c.list((*property.Document).EachLFNBase) }
func (c *call) protectedFinal() error { return c.list((*property.Document).EachFinalLFN) }

// list answers with the names of one kind of all locked requests. Other services
// delete everything that it lacks.
func (c *call) list(of names) error {
	c.from = fromMemory
	s, err := c.snapshot(false)
	if err == nil {
		err = c.firstHand()
	}
	if err == nil {
		err = c.allRead(func(n uint8) bool { return c.h.locked[n] })
	}
	if err == nil {
		err = c.certain(s)
	}
	if err != nil {
		return err
	}
	key := "legacy/list/" + c.api + "/" + strconv.FormatUint(s.Serial(), 36)
	found, _ := c.h.o.Cache.Get(key)
	all, ok := found.([]string)
	if !ok {
		if err := c.scanning(func() (err error) {
			all, err = c.names(s, of)
			return err
		}); err != nil {
			return err
		}
		c.h.o.Cache.Set(key, all, weight(all))
	}
	a := c.begin(0)
	var row []byte
	for _, name := range all {
		row = property.AppendText(row[:0], name)
		if err := a.row(row); err != nil {
			return err
		}
	}
	return a.end()
}

// weight returns the memory of a list of names in bytes.
func weight(list []string) (bytes int64) {
	for _, name := range list {
		bytes += int64(len(name)) + int64(unsafe.Sizeof(name))
	}
	return bytes
}

// names returns the names of all locked requests, sorted and without duplicates.
func (c *call) names(s *documents.Snapshot, of names) ([]string, error) {
	var all []string
	scan := scan{s: s, reader: s.Reader()}
	defer scan.reader.Close()
	for _, b := range s.Blocks {
		if c.r.Context().Err() != nil {
			return nil, fmt.Errorf("answer: %w", c.r.Context().Err())
		}
		list, err := c.namesOf(&scan, b, of)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	for _, u := range s.Unusable() {
		c.salvage(u, of, func(name string) { all = append(all, name) })
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// namesOf returns the names of the locked requests of one block.
func (c *call) namesOf(s *scan, b *documents.Block, of names) ([]string, error) {
	key := "legacy/names/" + c.api + "/" + strconv.FormatUint(b.Serial(), 36)
	if found, ok := c.h.o.Cache.Get(key); ok {
		if list, ok := found.([]string); ok {
			return list, nil
		}
	}
	seen := map[string]struct{}{}
	for i := range b.Len() {
		mark := b.Mark(i)
		if !c.h.locked[mark.Status] {
			continue
		}
		if err := s.reader.Open(b); err != nil {
			return nil, fmt.Errorf("%w: %w", errMemory, err)
		}
		s.of.Reset(s.reader.Document(i))
		deep := mark.Flags&documents.NoRecord != 0 // nobody can tell how to read it
		of(&s.of, deep, func(name string) { seen[name] = struct{}{} })
	}
	list := slices.Sorted(maps.Keys(seen))
	c.h.o.Cache.Set(key, list, weight(list))
	return list, nil
}

// salvage calls fn with the names found in an unusable document, unless its status
// shows that the request is not locked.
func (c *call) salvage(u documents.Unusable, of names, fn func(name string)) {
	var doc property.Document
	text := u.Doc
	if u.Whole {
		text = property.Canonical(nil, u.Doc)
	}
	doc.Reset(text)
	status, ok := doc.Text(propStatus)
	if ok && !slices.Contains(lockedStatuses(), status) {
		return
	}
	of(&doc, true, fn)
}

// teams handles teams.
func (c *call) teams() error {
	c.from = fromMemory
	if err := c.firstHand(); err != nil {
		return err
	}
	g, ok := c.h.o.Store.Newest()
	if !ok {
		return notReady("The first full read of the source has not finished.")
	}
	if err := c.fresh(true, false); err != nil {
		return err
	}
	a := c.begin(0)
	for _, team := range g.Teams() {
		if err := a.row(property.AppendText(nil, team)); err != nil {
			return err
		}
	}
	return a.end()
}
