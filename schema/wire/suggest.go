package wire

// Suggestions is the body of /suggest: what each condition of a request does, and
// what may have been meant by a value that no record has. All counts are exact.
type Suggestions struct {
	Generation string
	Time       string            // RFC 3339, UTC
	Total      int               // records under all conditions
	Conditions []ConditionCounts // in the order of the schema, then the words of q=, then name=
}

// ConditionCounts is one condition of a request: all values of one parameter, or
// one word of q=. Condition, Rest and those of a Replacement are parameters of the
// list, encoded as in a URL.
type ConditionCounts struct {
	Condition string         // this condition
	Rest      string         // all others; "" if there are none
	Alone     int            // records under this condition alone
	Without   int            // records under all others
	Unknown   []UnknownValue // its values that match no record at all, at most 16
}

// UnknownValue is a value that matches no record.
type UnknownValue struct {
	Value      string
	DidYouMean []Replacement // at most 3, nearest first
}

// Replacement is a condition that may have been meant by an unknown value.
type Replacement struct {
	Condition string // instead of the value
	Query     string // all conditions of the request, with this one instead
	Count     int    // records under Query
}
