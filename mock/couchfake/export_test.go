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

// Emit runs the map function of a view over a document and returns the rows as
// JSON texts of [key,value].
func Emit(v View, id, rev, body string) []string {
	e := Emitter{doc: &revision{}}
	v.Map(Doc{ID: id, Rev: rev, Body: gjson.Parse(body)}, &e)
	var rows []string
	for _, row := range e.rows {
		value := row.value
		if row.doc != nil {
			value = body
		}
		rows = append(rows, array(row.key, value))
	}
	return rows
}
