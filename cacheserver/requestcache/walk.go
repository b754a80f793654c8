package requestcache

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema"
)

// spooler walks over an answer once:
//
//	{"result":[{"<workflow>":{…request…,"AgentJobInfo":{"<agent>":{…agent_request…}}}}]}
type spooler struct {
	a   *answer
	in  *json.Decoder
	out *bufio.Writer
	at  int64
	doc bytes.Buffer // the request document at hand
}

func (s *spooler) all() error {
	found := false
	err := s.object(func(key string) error {
		if key != "result" {
			return s.skip()
		}
		found = true
		if err := s.expect('['); err != nil {
			return err
		}
		for s.in.More() {
			if err := s.object(s.workflow); err != nil {
				return err
			}
		}
		return s.expect(']')
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`no "result" in it`)
	}
	switch _, err := s.in.Token(); {
	case err == nil:
		return errors.New("more follows after its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// workflow takes one request document apart.
func (s *spooler) workflow(name string) error {
	open, err := s.in.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return s.unusable(couch.Requests, name, open)
	}
	s.doc.Reset()
	has := map[string]bool{}
	err = s.members(func(key string) error {
		if key == "AgentJobInfo" {
			return s.agents(name)
		}
		var value json.RawMessage
		if err := s.in.Decode(&value); err != nil {
			return err
		}
		has[key] = true
		return s.member(key, value)
	})
	if err != nil {
		return err
	}
	for _, key := range []string{"_id", "RequestName"} { // an id by another name
		if !has[key] {
			if err := s.member(key, quoted(name)); err != nil {
				return err
			}
		}
	}
	s.doc.WriteByte('}')
	return s.write(couch.Requests, name, s.doc.Bytes())
}

// member adds one to the request document.
func (s *spooler) member(key string, value []byte) error {
	if s.doc.Len() == 0 {
		s.doc.WriteByte('{')
	} else {
		s.doc.WriteByte(',')
	}
	s.doc.Write(quoted(key))
	s.doc.WriteByte(':')
	s.doc.Write(value)
	return nil
}

// agents takes the agents' documents about a workflow. The old server writes a
// text in their place when they were cleaned away.
func (s *spooler) agents(workflow string) error {
	open, err := s.in.Token()
	switch {
	case err != nil:
		return err
	case open == json.Delim('['):
		return s.rest()
	case open != json.Delim('{'):
		return nil
	}
	return s.members(func(agent string) error {
		var doc json.RawMessage
		if err := s.in.Decode(&doc); err != nil {
			return err
		}
		head, err := schema.Peek(doc)
		if err != nil { // the follower says what is wrong with it
			return s.write(couch.WMStats, agent+"-"+workflow, doc)
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

// unusable writes what is in the place of a document as it is: the follower
// says what is wrong with it.
func (s *spooler) unusable(db couch.Database, id string, found json.Token) error {
	if found == json.Delim('[') {
		if err := s.rest(); err != nil {
			return err
		}
		return s.write(db, id, []byte("[]"))
	}
	text, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	return s.write(db, id, text)
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

// object calls fn with each key; fn reads the value.
func (s *spooler) object(fn func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	return s.members(fn)
}

// members is object after its brace.
func (s *spooler) members(fn func(key string) error) error {
	for s.in.More() {
		key, err := s.in.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("found %v, want a key", key)
		}
		if err := fn(name); err != nil {
			return err
		}
	}
	return s.expect('}')
}

func (s *spooler) expect(want json.Delim) error {
	got, err := s.in.Token()
	if err == nil && got != want {
		err = fmt.Errorf("found %.40v, want %v", got, want)
	}
	return err
}

func (s *spooler) skip() error {
	var value json.RawMessage
	return s.in.Decode(&value)
}

// rest passes over a list after its bracket.
func (s *spooler) rest() error {
	for s.in.More() {
		if err := s.skip(); err != nil {
			return err
		}
	}
	return s.expect(']')
}

func quoted(text string) []byte {
	b, _ := json.Marshal(text) // a text never fails
	return b
}
