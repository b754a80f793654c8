package documents

// Read is a full read in progress. What Apply brings while it runs counts as
// seen.
type Read struct{ d *Documents }

// BeginRead starts a full read; one before it ends.
func (d *Documents) BeginRead() *Read {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	return &Read{d}
}

// Add takes documents that the read has brought. It keeps nothing of changes.
func (r *Read) Add(changes []Change) { r.d.Apply(changes) }

// Commit ends a read that is believed: the documents of these ids, and those that
// nobody but the read knows and that it has not seen, are removed. The first one
// makes the first snapshot, which takes seconds for many documents: once stop
// returns true it is given up, and nothing is held.
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
