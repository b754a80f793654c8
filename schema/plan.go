package schema

import (
	"reflect"
	"sync"
	"unsafe"
)

// plan describes how to write and read the records of one type. It is built
// once by reflection and then only read, so a record costs no reflection.
type plan struct {
	fields []planField
	byKey  map[string]int // index in fields
	size   uintptr        // of one record in a list
}

// planField is one key: the text to write before its value, and the position of
// the value in the struct.
type planField struct {
	key    string
	head   string // `{"Key":` or `,"Key":`
	typ    Type
	offset uintptr
	record *plan // for Records
}

// plans caches the immutable plan of each record type. It holds only what the
// types themselves define, and there are about twenty of them.
var plans sync.Map // reflect.Type -> *plan

func planOf[T any]() *plan {
	t := reflect.TypeFor[T]()
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(record reflect.Type) *plan {
	p := &plan{byKey: map[string]int{}, size: record.Size()}
	for i, f := range keys(record) {
		field := planField{key: f.Name, head: `,"` + f.Name + `":`, typ: typeOf(f.Type), offset: offset(record, f)}
		if i == 0 {
			field.head = `{"` + f.Name + `":`
		}
		if field.typ == Records {
			field.record = newPlan(f.Type.Elem())
		}
		p.byKey[f.Name] = i
		p.fields = append(p.fields, field)
	}
	return p
}

// offset returns the position of a promoted field in the outer struct. Records
// embed structs, never pointers, so it is a sum.
func offset(record reflect.Type, f reflect.StructField) (sum uintptr) {
	for _, i := range f.Index {
		step := record.Field(i)
		sum += step.Offset
		record = step.Type
	}
	return sum
}

// at returns a pointer to the field f, of type V, of the record at rec. The
// plan was built from the type of the record, so the field has type V.
func at[V any](rec unsafe.Pointer, f *planField) *V {
	return (*V)(unsafe.Add(rec, f.offset))
}
