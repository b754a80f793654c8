package checkpoint

import "encoding/json"

// Value is a section that is one JSON value of at most MaxFrame bytes. restore
// may refuse the value with an error of Foreign; what it returns puts it in
// force. Fields of the file that T has not are an error: the section is of
// another version.
func Value[T any](name string, capture func() T, restore func(T) (commit func(), err error)) Section {
	return Section{
		Name: name,
		Capture: func() (Write, error) {
			encoded, err := json.Marshal(capture())
			return func(put func([]byte) error) error { return put(encoded) }, err
		},
		Restore: func(frames *Frames) (commit func(), err error) {
			var v T
			if frames.Len() != 1 {
				return nil, broken("section %q has %d parts, want one", name, frames.Len())
			}
			data, err := frames.One(0)
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(data, &v); err != nil {
				return nil, foreign("section %q is of another version", name)
			}
			return restore(v)
		},
	}
}

// Broken makes the error of a section whose frames are not what its owner
// writes.
func Broken(format string, args ...any) error { return broken(format, args...) }

// Foreign makes the error of a section that is of another version or of other
// settings.
func Foreign(format string, args ...any) error { return foreign(format, args...) }
