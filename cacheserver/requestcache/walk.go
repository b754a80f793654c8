package requestcache

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema/jsonscan"
	"github.com/dmwm/wmstats/schema/raw"
)

// spooler walks over an answer once:
//
//	{"result":[{"<workflow>":{…request…,"AgentJobInfo":{"<agent>":{…agent_request…}}}}]}
type spooler struct {
	a   *answer
	in  *jsonscan.Reader
	out *bufio.Writer
	at  int64
	doc bytes.Buffer // the current request document
}

func (s *spooler) all() error {
	found := false
	err := s.object(func(key []byte) error {
		name, err := textOf(key)
		if err != nil {
			return err
		}
		if name != "result" {
			_, err := s.whole()
			return err
		}
		found = true
		return s.in.List(func() error { return s.object(s.workflow) })
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`no "result" in it`)
	}
	return s.in.End()
}

// workflow splits one request document.
func (s *spooler) workflow(key []byte) error {
	name, err := textOf(key)
	if err != nil {
		return err
	}
	switch kind, err := s.in.Kind(); {
	case err != nil:
		return err
	case kind != jsonscan.Object:
		return s.unusable(name)
	}
	s.doc.Reset()
	var id, request bool
	err = s.object(func(key []byte) error {
		switch {
		case string(key) == `"AgentJobInfo"`:
			return s.agents(name)
		case string(key) == `"_id"`:
			id = true
		case string(key) == `"RequestName"`:
			request = true
		}
		s.key(key)
		value, err := s.in.Value()
		s.doc.Write(value)
		return err
	})
	if err != nil {
		return err
	}
	if !id { // its name differs from the key
		s.key([]byte(`"_id"`))
		s.doc.Write(quoted(name))
	}
	if !request {
		s.key([]byte(`"RequestName"`))
		s.doc.Write(quoted(name))
	}
	s.doc.WriteByte('}')
	if _, err := raw.Peek(s.doc.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return s.write(couch.Requests, name, s.doc.Bytes())
}

// key starts a member of the request document.
func (s *spooler) key(key []byte) {
	if s.doc.Len() == 0 {
		s.doc.WriteByte('{')
	} else {
		s.doc.WriteByte(',')
	}
	s.doc.Write(key)
	s.doc.WriteByte(':')
}

// agents reads the agents' documents about a workflow. The old server writes a
// text instead of them when they were deleted.
func (s *spooler) agents(workflow string) error {
	if kind, err := s.in.Kind(); err != nil || kind != jsonscan.Object {
		if err == nil {
			_, err = s.whole()
		}
		return err
	}
	return s.object(func(key []byte) error {
		agent, err := textOf(key)
		if err != nil {
			return err
		}
		doc, err := s.in.Value()
		if err != nil {
			return err
		}
		head, err := raw.Peek(doc)
		if err != nil {
			if !json.Valid(doc) {
				return fmt.Errorf("%s of %s: %w", agent, workflow, err)
			}
			return s.write(couch.WMStats, agent+"-"+workflow, doc) // the follower reports the error
		}
		if head.ID == "" {
			head.ID = agent + "-" + workflow
			doc = with(doc, "_id", head.ID)
		}
		if head.Type == "" {
			doc = with(doc, "type", "agent_request")
		}
		return s.write(couch.WMStats, head.ID, doc)
	})
}

// with adds a member to an object.
func with(doc []byte, key, value string) []byte {
	rest := bytes.TrimSpace(bytes.TrimSpace(doc)[1:])
	out := append([]byte{'{'}, quoted(key)...)
	out = append(append(out, ':'), quoted(value)...)
	if len(rest) > 1 {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// unusable writes an invalid request document unchanged: the follower reports
// the error.
func (s *spooler) unusable(id string) error {
	found, err := s.whole()
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	if found[0] == '[' { // its content helps no one
		found = []byte("[]")
	}
	return s.write(couch.Requests, id, found)
}

// write puts a document into the file; the last one of an id counts.
func (s *spooler) write(db couch.Database, id string, doc []byte) error {
	if _, err := s.out.Write(doc); err != nil {
		return spoolFault(err)
	}
	p := place{id: id, hash: xxhash.Sum64(doc), at: s.at, size: len(doc)}
	s.at += int64(len(doc))
	if i, twice := s.a.index[db][id]; twice {
		s.a.docs[db][i] = p
		return nil
	}
	s.a.index[db][id] = len(s.a.docs[db])
	s.a.docs[db] = append(s.a.docs[db], p)
	return nil
}

// object calls fn with each key, quoted and in canonical form; fn reads the
// value.
func (s *spooler) object(fn func(key []byte) error) error {
	return s.in.Object(func(key []byte) error {
		if bytes.IndexByte(key, '\\') >= 0 {
			name, err := textOf(key)
			if err != nil {
				return err
			}
			key = quoted(name)
		}
		return fn(key)
	})
}

// whole reads a value without decoding it, and validates it.
func (s *spooler) whole() ([]byte, error) {
	value, err := s.in.Value()
	if err == nil && !json.Valid(value) {
		err = fmt.Errorf("found %.40q, expected a value", value)
	}
	return value, err
}

// textOf returns the text of a quoted key.
func textOf(key []byte) (text string, err error) {
	if err := json.Unmarshal(key, &text); err != nil {
		return "", fmt.Errorf("key %.40q: %w", key, err)
	}
	return text, nil
}

func quoted(text string) []byte {
	b, _ := json.Marshal(text) // a text never fails
	return b
}
