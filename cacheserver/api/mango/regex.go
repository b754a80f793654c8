package mango

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// Limits of the regular expressions of a selector. RE2 takes a time that is
// linear in the text, but also in the size of the program: each character may
// try each instruction.
const (
	MaxRegexText = 4096 // maximum bytes of one expression
	MaxProgram   = 4000 // maximum instructions of all expressions of a selector
)

// pattern is one regular expression.
type pattern struct {
	regex *regexp.Regexp
	size  int // instructions
}

// setRegex reads the operand of $regex. A large expression is rejected before
// it is compiled.
func (p *parser) setRegex(n *Node, raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil || string(raw) == "null" {
		return bad("$regex requires a string.")
	}
	if len(text) > MaxRegexText {
		return wire.TooExpensive(fmt.Sprintf("$regex accepts at most %d bytes; use $in for a list of exact values.", MaxRegexText))
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return notRE2(err)
	}
	size := programSize(parsed)
	if p.program += size; p.program > MaxProgram {
		return wire.TooExpensive(fmt.Sprintf(
			"The $regex expressions of a selector may compile to at most %d instructions: about one per character, alternative and repetition; x{100} counts as 100, and a large character class as several.", MaxProgram))
	}
	regex, err := regexp.Compile(text)
	if err != nil {
		return notRE2(err)
	}
	n.Value, n.regex = text, &pattern{regex, size}
	return nil
}

func notRE2(err error) error {
	return wire.TooExpensive(fmt.Sprintf("$regex accepts RE2 syntax only, which runs in linear time: %.200v.", err))
}

// programSize returns about how many instructions an expression compiles to.
func programSize(re *syntax.Regexp) int {
	const class = 32 // boundaries of a class that count as one instruction
	size := 0
	for _, sub := range re.Sub {
		size += programSize(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return max(1, len(re.Rune))
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/class
	case syntax.OpAlternate, syntax.OpConcat:
		return size + len(re.Sub)
	case syntax.OpCapture:
		return size + 2
	case syntax.OpRepeat:
		if re.Max < 0 {
			return max(1, re.Min)*size + 1
		}
		return re.Max*size + (re.Max - re.Min)
	}
	return size + 1
}

// match reports whether the text matches. The library does not check a
// context: a text for which that could matter is passed to it character by
// character, and ends when the budget is exhausted.
func (p *pattern) match(b *budget.Budget, text string) bool {
	if work := p.size * (len(text) + 1); work <= budget.Every {
		return b.Spend(work) && p.regex.MatchString(text)
	}
	return p.regex.MatchReader(&spendingReader{b, text, p.size}) && b.Stopped() == nil
}

// spendingReader reads a text, and spends the steps of matching each
// character.
type spendingReader struct {
	budget *budget.Budget
	text   string
	each   int
}

func (r *spendingReader) ReadRune() (char rune, size int, err error) {
	if r.text == "" || !r.budget.Spend(r.each) {
		return 0, 0, io.EOF
	}
	char, size = utf8.DecodeRuneInString(r.text)
	r.text = r.text[size:]
	return char, size, nil
}
