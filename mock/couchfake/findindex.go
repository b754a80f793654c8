package couchfake

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// mangoIndex is a declared index. It does not speed anything up here: it only
// permits a sort and silences the warning.
type mangoIndex struct {
	design, name string
	fields       []string
}

// indexed reports whether some declared index has only fields of names (a query
// that does not name them all cannot use it) and begins with sort.
func (db *database) indexed(names, sort []string) bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return slices.Contains(names, "_id") || slices.ContainsFunc(db.mango, func(ix mangoIndex) bool {
		for _, f := range ix.fields {
			if !slices.Contains(names, f) && !slices.Contains(sort, f) {
				return false
			}
		}
		return len(sort) <= len(ix.fields) && slices.Equal(sort, ix.fields[:len(sort)])
	})
}

// index answers _index: POST declares one, GET lists them.
func (c *call) index(db *database) error {
	if err := c.allow(http.MethodGet, http.MethodPost); err != nil || c.reading() {
		if err != nil {
			return err
		}
		return c.listIndexes(db)
	}
	body, err := c.jsonBody()
	if err != nil {
		return err
	}
	ix := mangoIndex{design: body.Get("ddoc").String(), name: body.Get("name").String()}
	for _, f := range body.Get("index.fields").Array() {
		name, _ := nameAndOrder(f)
		ix.fields = append(ix.fields, name)
	}
	if len(ix.fields) == 0 {
		return &Error{http.StatusBadRequest, "missing_required_key", "Missing required key: fields"}
	}
	sum := md5.Sum([]byte(strings.Join(ix.fields, "\n")))
	if ix.design == "" {
		ix.design = hex.EncodeToString(sum[:])
	}
	ix.design = "_design/" + strings.TrimPrefix(ix.design, "_design/")
	if ix.name == "" {
		ix.name = hex.EncodeToString(sum[:])
	}
	return c.send(http.StatusOK, `{"result":"`+db.declare(ix)+`","id":`+quoted(ix.design)+`,"name":`+quoted(ix.name)+`}`)
}

// declare adds an index and reports whether it existed.
func (db *database) declare(ix mangoIndex) string {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, old := range db.mango {
		if old.design == ix.design && old.name == ix.name && slices.Equal(old.fields, ix.fields) {
			return "exists"
		}
	}
	db.mango = append(db.mango, ix)
	return "created"
}

func (c *call) listIndexes(db *database) error {
	db.mu.RLock()
	list := slices.Clone(db.mango)
	db.mu.RUnlock()
	out := `{"total_rows":` + strconv.Itoa(len(list)+1) +
		`,"indexes":[{"ddoc":null,"name":"_all_docs","type":"special","def":{"fields":[{"_id":"asc"}]}}`
	for _, ix := range list {
		fields := make([]string, len(ix.fields))
		for i, f := range ix.fields {
			fields[i] = `{` + quoted(f) + `:"asc"}`
		}
		out += `,{"ddoc":` + quoted(ix.design) + `,"name":` + quoted(ix.name) +
			`,"type":"json","partitioned":false,"def":{"fields":[` + strings.Join(fields, ",") + `]}}`
	}
	return c.send(http.StatusOK, out+"]}")
}
