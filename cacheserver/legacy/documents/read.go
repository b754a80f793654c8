package documents

import (
	"errors"
	"slices"
)

// Read is a full read in progress. Documents that Apply stores meanwhile count as
// delivered by it.
type Read struct {
	d     *Documents
	epoch uint32
}

// errLost means that what a full read had delivered was lost before its end.
var errLost = errors.New("documents of this read were lost before its end")

// BeginRead starts a full read, and ends an earlier one.
func (d *Documents) BeginRead() *Read {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	return &Read{d, d.epoch}
}

// Add stores documents that the read delivered. It copies what it needs.
func (r *Read) Add(changes []Change) { r.d.Apply(changes) }

// Undelivered returns the ids of the documents without a usable version that the
// newest read has not delivered, sorted: an accepted read removes them.
func (d *Documents) Undelivered() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, epoch := range d.alone {
		if epoch != d.epoch {
			ids = append(ids, id)
		}
	}
	for id, one := range d.bad.docs {
		if one.epoch != d.epoch {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Holds reports whether the document of a change is held with the same content, so
// that applying the change would at most mark it as delivered.
func (d *Documents) Holds(c Change) bool {
	made := d.entries([]Change{c})
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.current.Load()
	if s == nil || c.Unusable {
		return false
	}
	b, i, ok := s.Find(c.ID)
	_, alone := d.alone[c.ID]
	_, bad := d.bad.docs[c.ID]
	return !alone && !bad && ok && made[0].entry.text != nil && b.hashes[i] == made[0].entry.hash
}

// Commit ends a read that was accepted. It removes the documents in gone, and those
// without a record that the read did not deliver. The first Commit builds the first
// snapshot, which takes seconds for many documents. When stop returns true, it is
// abandoned and everything gathered is dropped; so it is if documents were lost after
// the read began, because it may have delivered them before.
func (r *Read) Commit(gone []string, stop func() bool) error {
	d := r.d
	d.mu.Lock()
	defer d.mu.Unlock()
	without := make(map[string]bool, len(gone))
	for _, id := range gone {
		without[id] = true
	}
	for id, epoch := range d.alone {
		if epoch != d.epoch {
			without[id] = true
		}
	}
	for id := range without {
		delete(d.alone, id)
	}
	d.bad.sweep(d.epoch)
	if d.gather == nil {
		edits := make(map[string]*entry, len(without))
		for id := range without {
			edits[id] = nil
		}
		d.edit(edits)
		return nil
	}
	if r.epoch < d.least {
		d.gather = newGathering()
		return errLost
	}
	blocks, ok, err := d.gather.build(d, without, stop)
	if err != nil || !ok {
		d.gather = newGathering()
		return err
	}
	d.gather = nil
	d.publish(blocks)
	d.log.Info("request documents are held for the old API", "documents", d.current.Load().count, "bytes", d.bytes.Load())
	return nil
}
