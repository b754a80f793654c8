package docscheck

import (
	"go/scanner"
	"go/token"
	"regexp/syntax"
	"strings"
)

// commentsOf returns a Go file with everything but its comments left out. The
// lines keep their numbers.
func commentsOf(text string) string {
	source := []byte(text)
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(source))
	var scan scanner.Scanner
	scan.Init(file, source, nil, scanner.ScanComments)
	var out strings.Builder
	for line := 1; ; {
		at, kind, comment := scan.Scan()
		switch kind {
		case token.EOF:
			return out.String()
		case token.COMMENT:
			for ; line < file.Line(at); line++ {
				out.WriteByte('\n')
			}
			out.WriteString(comment)
			line += strings.Count(comment, "\n")
		}
	}
}

// needed returns texts in lower case, one of which is in everything that a
// pattern matches; none if there are no such texts. Most lines have none of them,
// and looking for them takes much less time than the pattern does.
func needed(pattern *syntax.Regexp) (texts []string) {
	switch pattern.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(pattern.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(pattern.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range pattern.Sub {
			each := needed(sub)
			if len(each) == 0 {
				return nil
			}
			texts = append(texts, each...)
		}
	case syntax.OpConcat:
		for _, sub := range pattern.Sub {
			if each := needed(sub); len(each) > 0 && shortest(each) > shortest(texts) {
				texts = each
			}
		}
	}
	return texts
}

// shortest returns the length of the shortest text; 0 without any.
func shortest(texts []string) (length int) {
	for _, text := range texts {
		if length == 0 || len(text) < length {
			length = len(text)
		}
	}
	return length
}
