package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// sectionVersion is that of the store's section. Raise it when its form
// changes; what the records mean is in the file's fingerprint.
const sectionVersion = 3

// Kinds of frames after the first one, which has what the others need.
const (
	frameWorkflows = 'w' // blocks, each with the entries of its records
	frameOrphans   = 'o' // entries without a record
	frameInfos     = 'i' // agent_info documents
)

// frameBytes is about the length of a frame.
const frameBytes = 256 << 10

// write writes the section.
func (c *captured) write(put func([]byte) error) error {
	head, err := c.head()
	if err == nil {
		err = put(head)
	}
	if err == nil {
		err = c.writeInfos(put)
	}
	if err == nil {
		err = c.writeWorkflows(put)
	}
	if err == nil {
		err = c.writeOrphans(put)
	}
	return err
}

// head is the first frame: what all others need.
func (c *captured) head() ([]byte, error) {
	limits, err := json.Marshal(c.limits)
	if err != nil {
		return nil, fmt.Errorf("encode the limits: %w", err)
	}
	dst := binary.AppendUvarint(nil, sectionVersion)
	dst = checkpoint.AppendText(dst, limits)
	if c.guard == nil {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 1)
		for _, n := range []int{c.guard.requests, c.guard.work, c.guard.infos} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.doubtful)))
	for d := range c.doubtful {
		dst = binary.AppendUvarint(dst, uint64(d.Kind))
		dst = checkpoint.AppendText(dst, d.ID)
	}
	texts := c.layout.Texts()
	dst = binary.AppendUvarint(dst, uint64(len(texts)))
	for _, list := range texts {
		dst = appendTexts(dst, list)
	}
	dst = appendTexts(dst, c.names)
	dst = binary.AppendUvarint(dst, uint64(len(c.reports)))
	for agent, time := range c.reports {
		dst = checkpoint.AppendText(dst, agent)
		dst = binary.AppendVarint(dst, time)
	}
	return dst, nil
}

func appendTexts(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, text := range list {
		dst = checkpoint.AppendText(dst, text)
	}
	return dst
}

func (c *captured) writeInfos(put func([]byte) error) error {
	for _, n := range c.infos {
		detail, err := json.Marshal(n.detail)
		if err != nil {
			return fmt.Errorf("encode agent_info %s: %w", n.id, err)
		}
		dst := checkpoint.AppendText([]byte{frameInfos}, n.id)
		dst = binary.LittleEndian.AppendUint64(dst, n.hash)
		dst = binary.AppendVarint(dst, n.time)
		dst = binary.AppendVarint(dst, n.ahead)
		if err := put(checkpoint.AppendText(dst, detail)); err != nil {
			return err
		}
	}
	return nil
}

func (c *captured) writeWorkflows(put func([]byte) error) (err error) {
	var dst []byte
	at, doc := 0, 0
	flush := func(least int) bool {
		if len(dst) > least {
			err = put(dst)
			dst = dst[:0]
		}
		return err == nil
	}
	c.snap.tree.Range(0, c.snap.Total(), func(b *block.Block, i, j int) bool {
		if len(dst) == 0 {
			dst = append(dst, frameWorkflows)
		}
		dst = b.AppendBinary(dst, c.layout)
		for ; i < j; i++ {
			dst = c.appendEntry(dst, &c.entries[at], doc)
			doc = c.entries[at].ends
			at++
		}
		return flush(frameBytes)
	})
	flush(0)
	return err
}

func (c *captured) writeOrphans(put func([]byte) error) error {
	var dst []byte
	doc := 0
	if n := len(c.entries); n > 0 {
		doc = c.entries[n-1].ends
	}
	for i := range c.orphans {
		if len(dst) == 0 {
			dst = append(dst, frameOrphans)
		}
		o := &c.orphans[i]
		dst = checkpoint.AppendText(dst, o.name)
		dst = c.appendEntry(dst, o, doc)
		doc = o.ends
		if len(dst) > frameBytes || i == len(c.orphans)-1 {
			if err := put(dst); err != nil {
				return err
			}
			dst = dst[:0]
		}
	}
	return nil
}

// flagRare says that an entry has what few have.
const flagRare = 1

// appendEntry appends an entry whose documents begin at doc.
func (c *captured) appendEntry(dst []byte, e *capturedEntry, doc int) []byte {
	flags := uint64(0)
	if e.rare != nil {
		flags |= flagRare
	}
	dst = binary.AppendUvarint(dst, flags)
	dst = binary.LittleEndian.AppendUint64(dst, e.hash)
	dst = binary.AppendVarint(dst, e.due)
	if e.rare != nil {
		dst = checkpoint.AppendText(dst, e.rare.id)
		dst = binary.AppendUvarint(dst, uint64(len(e.rare.rivals)))
		for i, r := range e.rare.rivals {
			dst = checkpoint.AppendText(dst, r.id)
			dst = binary.LittleEndian.AppendUint64(dst, r.hash)
			dst = checkpoint.AppendText(dst, e.rare.texts[i])
		}
	}
	dst = binary.AppendUvarint(dst, uint64(e.ends-doc))
	for ; doc < e.ends; doc++ {
		d := &c.docs[doc]
		dst = checkpoint.AppendText(dst, d.id)
		dst = binary.LittleEndian.AppendUint64(dst, d.hash)
		dst = binary.AppendVarint(dst, d.time)
		dst = binary.AppendVarint(dst, d.content)
		dst = binary.AppendVarint(dst, d.ahead)
		dst = binary.AppendVarint(dst, d.silent)
		dst = checkpoint.AppendText(dst, d.packed)
	}
	return dst
}
