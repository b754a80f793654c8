package couchfake

import "github.com/tidwall/gjson"

// MatchSelector lets a fuzz test reach the matcher without HTTP.
func MatchSelector(s *Server, sel, doc string) (bool, error) {
	m, err := s.compileSelector(gjson.Parse(sel))
	if err != nil {
		return false, err
	}
	return m.matches(gjson.Parse(doc)), nil
}

// SortKey lets a test compare keys as a view does.
func SortKey(s *Server, value string) string { return s.coll.key(gjson.Parse(value)) }

// Squeeze is squeeze.
func Squeeze(src []byte) ([]byte, error) { return squeeze(src) }
