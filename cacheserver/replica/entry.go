package replica

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// version is the first byte of each entry.
const version = 1

// mostEntry is the usual maximum length of a stored entry; a longer input takes several.
const mostEntry = 512 << 10

// entryHead is the most that an entry has besides its part of the input.
const entryHead = 32

// mostInput is the maximum length of an input that is read.
const mostInput = 256 << 20

// kind is the kind of an input.
type kind byte

const (
	changed  kind = 'a' // changes that a feed delivered
	read     kind = 'r' // changes that a full read delivered
	swept    kind = 's' // a full read was accepted: documents that it did not see are gone
	ticked   kind = 't' // time has passed
	ruled    kind = 'l' // other rules of alerts
	reported kind = 'o' // the state of the source has changed
	began    kind = 'b' // a first full read ended: its content is in a snapshot only
)

// input is one input of the state machine.
type input struct {
	kind    kind
	moment  time.Time
	changes []join.Change
	rest    rest
}

// rest is the part of an input that is small.
type rest struct {
	By          string             // name of the server
	Gone        []join.Document    `json:",omitempty"`
	Undelivered []string           `json:",omitempty"` // request documents without a usable version that are gone
	Rules       []byte             `json:",omitempty"`
	Source      *store.SourceState `json:",omitempty"`
	Shared      follower.Shared    // before this input
	Notes       []follower.Note    `json:",omitempty"`
}

var (
	errVersion = errors.New("an entry has an unknown version")
	errEntry   = errors.New("an entry is unreadable")
	errNumber  = errors.New("an entry has another number than the one that its server was given")
)

// Flags of an entry.
const (
	flagFirst = 1 << iota // it begins an input
	flagLast              // it ends one
)

// encodeInput returns the body of an input: a compressed frame.
func encodeInput(in *input) ([]byte, error) {
	small, err := json.Marshal(in.rest)
	if err != nil {
		return nil, fmt.Errorf("encode an entry: %w", err)
	}
	out := binary.AppendVarint([]byte{byte(in.kind)}, in.moment.UnixNano())
	out = checkpoint.AppendText(out, small)
	out = binary.AppendUvarint(out, uint64(len(in.changes)))
	var packed []byte
	for i := range in.changes {
		if out, packed, err = appendChange(out, packed, &in.changes[i]); err != nil {
			return nil, err
		}
	}
	return s2.Encode(nil, out), nil
}

// Flags of a change, in the order of appendChange.
const (
	hasDeleted = 1 << iota
	hasStands
	hasIdle
	hasDoc
	hasWorkflow
	hasReport
	hasInfo
)

func appendChange(dst, packed []byte, c *join.Change) (out, packed2 []byte, err error) {
	flags := byte(0)
	for i, set := range [...]bool{c.Deleted, c.Stands, c.Idle, c.Doc != nil, c.Workflow != nil, c.Report != nil, c.Info != nil} {
		if set {
			flags |= 1 << i
		}
	}
	dst = append(dst, byte(c.Kind), flags)
	dst = checkpoint.AppendText(checkpoint.AppendText(dst, c.ID), c.Rev)
	dst = binary.AppendVarint(binary.LittleEndian.AppendUint64(dst, c.Hash), c.Time)
	if c.Doc != nil {
		dst = checkpoint.AppendText(dst, c.Doc)
	}
	if c.Workflow != nil {
		packed = schema.AppendPacked(packed[:0], c.Workflow)
		dst = checkpoint.AppendText(dst, packed)
	}
	if c.Report != nil {
		packed = schema.AppendPackedReport(packed[:0], c.Report)
		dst = checkpoint.AppendText(dst, packed)
	}
	if c.Info != nil {
		info, err := json.Marshal(c.Info)
		if err != nil {
			return nil, packed, fmt.Errorf("encode agent_info document %q: %w", c.ID, err)
		}
		dst = checkpoint.AppendText(dst, info)
	}
	return dst, packed, nil
}

// readInput reads what encodeInput returned. It accepts any bytes; the error is an
// errEntry.
func readInput(body []byte) (in input, err error) {
	if n, err := s2.DecodedLen(body); err != nil || n > mostInput {
		return in, errEntry
	}
	data, err := s2.Decode(nil, body)
	if err != nil || len(data) == 0 {
		return in, errEntry
	}
	in.kind = kind(data[0])
	switch in.kind {
	case changed, read, swept, ticked, ruled, reported, began:
	default:
		return in, errEntry
	}
	c := checkpoint.NewCursor(data[1:])
	in.moment = time.Unix(0, c.Int())
	if json.Unmarshal(c.Bytes(c.Count(1)), &in.rest) != nil {
		return in, errEntry
	}
	const least = 2 + 1 + 1 + 8 + 1 // bytes of a change
	n := c.Count(least)
	if n > 0 {
		in.changes = make([]join.Change, n)
	}
	for i := range in.changes {
		if err := readChange(c, &in.changes[i]); err != nil {
			return in, err
		}
	}
	if c.Err() != nil || c.Len() > 0 {
		return in, errEntry
	}
	return in, nil
}

func readChange(c *checkpoint.Cursor, to *join.Change) error {
	head := c.Bytes(2)
	if head == nil || head[0] == 0 || head[0] > byte(join.AgentInfo) || head[1]&^(hasInfo<<1-1) != 0 {
		return errEntry
	}
	flags := head[1]
	*to = join.Change{
		Kind: join.Kind(head[0]), Deleted: flags&hasDeleted != 0, Stands: flags&hasStands != 0, Idle: flags&hasIdle != 0,
		ID: c.Text(), Rev: c.Text(), Hash: c.Uint64(), Time: c.Int(),
	}
	if flags&hasDoc != 0 {
		if to.Doc = c.Bytes(c.Count(1)); to.Doc == nil {
			to.Doc = []byte{}
		}
	}
	if flags&hasWorkflow != 0 {
		to.Workflow = new(schema.Workflow)
		if new(schema.Unpacker).Unpack(c.Text(), to.Workflow) != nil {
			return errEntry
		}
	}
	if flags&hasReport != 0 {
		report, err := schema.UnpackReport(c.Text())
		if err != nil {
			return errEntry
		}
		to.Report = &report
	}
	if flags&hasInfo != 0 {
		to.Info = new(schema.AgentDetail)
		if json.Unmarshal(c.Bytes(c.Count(1)), to.Info) != nil {
			return errEntry
		}
	}
	return nil
}

// split returns the entries of a body, the first of which expects a number, of a length
// of at most most.
func split(body []byte, number uint64, most int) (entries [][]byte) {
	for first := true; first || len(body) > 0; first = false {
		part := body[:min(len(body), most-entryHead)]
		body = body[len(part):]
		flags := byte(0)
		if first {
			flags |= flagFirst
		}
		if len(body) == 0 {
			flags |= flagLast
		}
		entry := binary.AppendUvarint([]byte{version, flags}, number+uint64(len(entries)))
		entries = append(entries, append(entry, part...))
	}
	return entries
}

// parts are the entries of an input that has not ended.
type parts struct {
	body []byte
	open bool
}

// add adds the entry of a number, and returns the body of the input that it ends;
// nil: it ends none. Without its first entry, or with that of another input after
// it, an input was left unfinished by a server that died: it is ignored.
func (p *parts) add(entry []byte, number uint64) (body []byte, err error) {
	if len(entry) == 0 || entry[0] != version {
		return nil, errVersion
	}
	if len(entry) < 3 {
		return nil, errEntry
	}
	flags := entry[1]
	expected, n := binary.Uvarint(entry[2:])
	switch {
	case n <= 0 || flags&^(flagFirst|flagLast) != 0:
		return nil, errEntry
	case expected != number:
		return nil, errNumber
	}
	if flags&flagFirst != 0 {
		p.body, p.open = nil, true
	}
	if !p.open {
		return nil, nil
	}
	if len(p.body) > mostInput {
		return nil, errEntry
	}
	p.body = append(p.body, entry[2+n:]...)
	if flags&flagLast == 0 {
		return nil, nil
	}
	body = p.body
	p.body, p.open = nil, false
	return body, nil
}
