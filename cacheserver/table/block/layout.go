// Package block holds about 50 consecutive workflow records as one immutable
// value: their encoded JSON, a column for each key of the record to filter, sort
// and count by, and their compressed form, computed on first use. Successive
// versions of a block share unchanged records. All blocks share the dictionaries
// of frequent texts.
//
// The package knows records only through schema.Describe; the only keys that it
// treats by name are those of texts without a dictionary. It does not know lists
// of blocks, generations or queries.
package block

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/dmwm/wmstats/schema"
)

// Kind says how a column stores its values.
type Kind uint8

const (
	Int   Kind = iota // int64
	Float             // float64, as an order-preserving integer
	Bool              // 0 or 1
	Code              // text of few different values: code in a dictionary
	Codes             // list of such texts, each once
	Text              // text of many different values: place in the encoded record
	Texts             // list of such texts
)

// Column describes one key of the record.
type Column struct {
	schema.Field
	Kind Kind
	Dict *Dict // of Code and Codes, else nil

	text int     // number among the columns of texts, of Text and Texts
	slot int     // first of its slots in a block; Codes have two: counts and codes
	list int     // number among the columns of kind Codes
	at   uintptr // place of the value in a schema.Workflow
	mark []byte  // what precedes the value in the encoded record: ,"Key":
}

// Layout is the set of columns. It is shared by all blocks of a store; only its
// dictionaries grow.
type Layout struct {
	Columns  []Column
	Searched []int // columns that a search reads
	byKey    map[string]int
	texts    int   // columns of kind Text or Texts
	slots    int   // of all columns
	lists    []int // slots of the columns of kind Codes
}

// scattered are the texts that are nearly unique to each workflow: a dictionary
// of them would grow with the workflows and never shrink.
var scattered = map[string]bool{
	"Workflow": true, "PrepID": true, "PrepIDs": true, "OriginalRequest": true, "InitialTask": true,
	"InputDatasets": true, "OutputDatasets": true,
}

// searched are the keys that q= searches; all of them are scattered.
var searched = []string{"Workflow", "PrepIDs", "InputDatasets", "OutputDatasets"}

// NewLayout returns the columns of the Workflow record.
func NewLayout() (*Layout, error) {
	l := &Layout{byKey: map[string]int{}}
	record := reflect.TypeFor[schema.Workflow]()
	for i, f := range schema.Describe[schema.Workflow]() {
		at, err := offsetOf(record, f)
		if err != nil {
			return nil, err
		}
		c := Column{Field: f, slot: l.slots, at: at, mark: fmt.Appendf(nil, ",%q:", f.Key)}
		if i == 0 {
			c.mark[0] = '{'
		}
		switch {
		case f.Type == schema.Int:
			c.Kind = Int
		case f.Type == schema.Float:
			c.Kind = Float
		case f.Type == schema.Bool:
			c.Kind = Bool
		case f.Type == schema.String && scattered[f.Key]:
			c.Kind = Text
		case f.Type == schema.String:
			c.Kind, c.Dict = Code, newDict()
		case f.Type == schema.List && scattered[f.Key]:
			c.Kind = Texts
		case f.Type == schema.List:
			c.Kind, c.Dict, c.list = Codes, newDict(), len(l.lists)
			l.lists = append(l.lists, l.slots)
			l.slots++
		default:
			return nil, fmt.Errorf("column %s: type %q has no column", f.Key, f.Type)
		}
		if c.Kind == Text || c.Kind == Texts {
			c.text = l.texts
			l.texts++
		}
		l.slots++
		l.byKey[f.Key] = i
		l.Columns = append(l.Columns, c)
	}
	for _, key := range searched {
		i, ok := l.byKey[key]
		if !ok || l.Columns[i].Kind != Text && l.Columns[i].Kind != Texts {
			return nil, fmt.Errorf("column %s: no such text column to search", key)
		}
		l.Searched = append(l.Searched, i)
	}
	return l, nil
}

// Column returns the number of the column of a key.
func (l *Layout) Column(key string) (int, bool) {
	i, ok := l.byKey[key]
	return i, ok
}

var fieldTypes = map[schema.Type]reflect.Type{
	schema.Int: reflect.TypeFor[int64](), schema.Float: reflect.TypeFor[float64](),
	schema.Bool: reflect.TypeFor[bool](), schema.String: reflect.TypeFor[string](),
	schema.List: reflect.TypeFor[[]string](),
}

// offsetOf finds the field of a key. Its type is checked here, once, so that
// values can be read by offset: reading a record by reflection would cost more
// than encoding it.
func offsetOf(record reflect.Type, f schema.Field) (uintptr, error) {
	field, ok := record.FieldByName(f.Key)
	if !ok || field.Type != fieldTypes[f.Type] {
		return 0, fmt.Errorf("column %s: the record has no field of type %s", f.Key, f.Type)
	}
	var at uintptr
	for t, index := record, field.Index; len(index) > 0; index = index[1:] {
		step := t.Field(index[0])
		at, t = at+step.Offset, step.Type
	}
	return at, nil
}

func valueOf[T any](w *schema.Workflow, c *Column) T {
	return *(*T)(unsafe.Add(unsafe.Pointer(w), c.at))
}
