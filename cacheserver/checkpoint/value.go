package checkpoint

import "encoding/json"

// Value is a section with one JSON value of at most MaxFrame bytes. restore
// may reject the value with an error of Foreign; the function that it returns
// puts the value in force. Fields of the file that T does not have are an
// error: the section is of another version.
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
				return nil, broken("section %q has %d parts instead of one", name, frames.Len())
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

// Broken returns the error of a section whose frames are not what its owner
// writes.
func Broken(format string, args ...any) error { return broken(format, args...) }

// Foreign returns the error of a section of another version or other settings.
func Foreign(format string, args ...any) error { return foreign(format, args...) }
