package schema

import (
	"reflect"
	"sync"
	"unsafe"
)

// plan is how to write and read the records of one type: made once from
// reflection, then only used, so that a record costs no reflection.
type plan struct {
	fields []planField
	byKey  map[string]int // index in fields
	size   uintptr        // of one record in a list
}

// planField is one key: what to write before its value, and where the value
// is in the struct.
type planField struct {
	key    string
	head   string // `{"Key":` or `,"Key":`
	typ    Type
	offset uintptr
	record *plan // for Records
}

// plans remembers the immutable plan of each record type. It holds no state
// beyond what the types themselves say, and there are some twenty of them.
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

// offset is where a promoted field is in the whole struct. Records embed
// structs, never pointers, so it is a sum.
func offset(record reflect.Type, f reflect.StructField) (sum uintptr) {
	for _, i := range f.Index {
		step := record.Field(i)
		sum += step.Offset
		record = step.Type
	}
	return sum
}

// at is the field of type V of the record at rec. The plan was made from the
// type of the record, so V is the type that is there.
func at[V any](rec unsafe.Pointer, f *planField) *V {
	return (*V)(unsafe.Add(rec, f.offset))
}
