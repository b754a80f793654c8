package answer

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// Header values that all answers share; they must not be changed.
var (
	nosniff    = []string{"nosniff"}
	vary       = []string{"Accept, Accept-Encoding"}
	keepButAsk = []string{"private, no-cache"}
	keep       = []string{"private, max-age=600, immutable"}
)

// Timestamp formats a time as the API writes it.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// OneLine makes a text valid in a header.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// headerLines are the lines of a header as sent.
func headerLines(h http.Header) (lines []byte) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = appendLine(lines, name, value)
		}
	}
	return slices.Clip(lines)
}

// appendLine appends one line of a header. As in net/http, no value can end
// the line.
func appendLine(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	for i := range len(value) {
		b := value[i]
		if b == '\r' || b == '\n' {
			b = ' '
		}
		dst = append(dst, b)
	}
	return append(dst, "\r\n"...)
}

// appendTiming appends the value of Server-Timing, in milliseconds.
func appendTiming(dst []byte, filter, encode time.Duration) []byte {
	const digits = 3
	dst = append(dst, "filter;dur="...)
	dst = strconv.AppendFloat(dst, float64(filter)/float64(time.Millisecond), 'f', digits, 64)
	dst = append(dst, ", encode;dur="...)
	return strconv.AppendFloat(dst, float64(encode)/float64(time.Millisecond), 'f', digits, 64)
}

func isHead(c echo.Context) bool { return c.Request().Method == http.MethodHead }
