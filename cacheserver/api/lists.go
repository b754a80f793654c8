package api

import (
	"bytes"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Lists and objects that are encoded for one answer: everything except the
// lists of workflows, whose records the store has encoded.

// listing is a list of records that is encoded for one answer.
type listing struct {
	fields     []schema.Field
	keys       []string // projection; none: all
	total      int64    // over all pages
	head, tail []byte   // an object around the records; nil: no envelope
}

// sendList answers with the records of one page.
func sendList[T any](c echo.Context, a *API, ans answer.Answer, l listing, records []T) error {
	encoded, version, err := answer.Encode(c.Request().Context(), records)
	if err != nil {
		return err //nolint:wrapcheck // the error says what failed
	}
	ans.Body = render.List(ans.Format, l.fields, l.keys, len(encoded), render.Slice(encoded))
	ans.Version, ans.Fields, ans.Total = version, l.keys, strconv.FormatInt(l.total, 10)
	if l.head != nil {
		ans.Body.Head, ans.Body.Tail = l.head, l.tail
	}
	return a.sender.Send(c, ans)
}

// sendWhole answers with a list without pages. generation is nil for lists
// that belong to no generation.
func sendWhole[T any](c echo.Context, a *API, generation *store.Generation, p listParams, file string, fields []schema.Field, records []T) error {
	began := a.o.Now()
	format, err := chooseFormat(c, p.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	ans := answerOf(generation, p.Query, format, file, began)
	return sendList(c, a, ans, listing{fields: fields, keys: p.keys, total: int64(len(records))}, records)
}

// answerOf returns an answer to a query, without its body. generation is nil
// if it belongs to none; file is its name for a download.
func answerOf(generation *store.Generation, q wire.Query, format wire.Format, file string, began time.Time) answer.Answer {
	ans := answer.Answer{Format: format, Pinned: q.Gen != "", Began: began}
	if generation != nil {
		ans.Generation = generation
	}
	if q.Download {
		ans.File = file
	}
	return ans
}

// rows are flat records that are built for one answer: /stats and /facet as
// NDJSON and CSV.
type rows struct {
	fields []schema.Field
	lines  [][]byte
}

// add appends a record: texts of the first fields, numbers of the others.
func (r *rows) add(texts []string, numbers ...int64) error {
	var o objectWriter
	for i, f := range r.fields {
		if i < len(texts) {
			o.text(f.Key, texts[i])
		} else {
			o.raw(f.Key, strconv.AppendInt(nil, numbers[i-len(texts)], 10))
		}
	}
	r.lines = append(r.lines, append(o.bytes, '}'))
	return o.err
}

// sendRows answers with rows in a format with one record a line. total is the
// number of all rows.
func (a *API) sendRows(c echo.Context, ans answer.Answer, r rows, total int) error {
	ans.Body = render.List(ans.Format, r.fields, nil, len(r.lines), render.Slice(r.lines))
	ans.Version, ans.Total = xxhash.Sum64(bytes.Join(r.lines, []byte("\n"))), strconv.Itoa(total)
	return a.sender.Send(c, ans)
}

// sendObject answers with one object as JSON.
func (a *API) sendObject(c echo.Context, ans answer.Answer, v any) error {
	encoded, err := encode(v)
	if err != nil {
		return err
	}
	ans.Format, ans.Body = wire.JSON, render.Text(encoded)
	return a.sender.Send(c, ans)
}

// sendPlain answers with an object without revalidation.
func (a *API) sendPlain(c echo.Context, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	return a.sender.Send(c, answer.Answer{Format: wire.JSON, Body: render.Text(body), Plain: "private, no-cache"})
}

const mediaText = "text/plain; charset=utf-8"

// sendText answers with a text for people and monitoring.
func (a *API) sendText(c echo.Context, status int, media, text string) error {
	return a.sender.Send(c, answer.Answer{Status: status, Media: media, Body: render.Text([]byte(text)), Plain: "no-cache"})
}
