package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// detailLists are the keys of schema.Detail after those of the list record,
// each with the Kind of its records in NDJSON. Totals have their own Kind, so
// that adding up the lines of one Kind counts nothing twice.
var detailLists = []struct{ key, kind string }{
	{"Agents", "WorkflowAgent"}, {"Sites", "WorkflowSite"}, {"SiteTotals", "SiteTotal"},
	{"Tasks", "WorkflowTask"}, {"TaskTotals", "TaskTotal"}, {"TaskSites", "TaskSite"},
	{"Outputs", "Output"}, {"Datasets", "DatasetProgress"}, {"Steps", "ChainStep"},
	{"Parentage", "ChainParentage"}, {"LFNBases", "LFNBase"},
	{"Transitions", "StatusChange"}, {"Priorities", "PriorityChange"}, {"Errors", "JobError"}, {"AlertRecords", "Alert"}, {"Holds", "Hold"},
}

// showWorkflow handles GET /fetch/{workflow}. Its list record is that of the
// generation, and so are Recoveries; everything else comes from the source, or
// from the cache under the version of the documents.
func (a *API) showWorkflow(c echo.Context) error {
	began := a.o.Now()
	cached, ok, cacheKey := a.cached(c)
	if ok {
		a.demand.Spared(kindDetail)
		return cached.Send(c)
	}
	v, err := onlyParams(c, "gen", "format", "dl")
	if err != nil {
		return err
	}
	q, err := wire.ParseQuery(v)
	if err != nil {
		return err
	}
	format, err := chooseFormat(c, q.Format, wire.JSON, wire.NDJSON)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	record, src, ok := generation.Workflow(name)
	unlisted := ""
	var read demandRead
	var expires time.Time
	if ok {
		read, expires, err = a.detail(c, name, src)
		// While the records are stale it is unknown whether the details match the
		// source, even if they are recent enough to be served from the cache.
		read.aged = read.stale || a.o.Store.Source().Stale
	} else {
		record, unlisted, read, err = a.unlisted(c, name, generation, q.Gen == "")
		read.aged = read.stale
	}
	if err != nil {
		return err
	}
	var held []schema.Hold
	if ok {
		found, err := a.holdsOf(c.Request().Context(), generation, wire.Query{Names: []string{name}}, nil)
		if err != nil {
			return err
		}
		held = found.Holds()
	}
	body, err := joinDetail(record, read, generation.RecoveriesOf(name), generation.Alerts(name), held, unlisted)
	if err != nil {
		return err
	}
	ans := answerOf(generation, q, format, "workflow", began)
	ans.Pinned = ok && q.Gen != "" && !read.aged
	if expires.After(began) {
		ans.Key, ans.Expires = cacheKey, expires
	}
	if format == wire.NDJSON {
		lines, err := detailLines(name, body)
		if err != nil {
			return err
		}
		ans.Version = xxhash.Sum64(body)
		ans.Body = render.Body{After: []byte("\n"), Count: len(lines), Records: render.Slice(lines)}
	} else {
		ans.Body = render.Text(append(body, '\n'))
	}
	a.describeStale(c, read, "details of this workflow")
	return a.sender.Send(c, ans)
}

// detail returns the encoded members of a Detail after the list record, from
// Agents to ErrorsState and without Recoveries. The documents are those of the
// version, but jobs fail without a change of any document: so it is read again
// after a while, at expires. It is read again at once, with a zero expires,
// when the job errors could not be read, or when this is an earlier result
// because the source can't be read.
func (a *API) detail(c echo.Context, name string, src join.Sources) (d demandRead, expires time.Time, err error) {
	const what = "details of this workflow; /fetch?name= has its list record"
	var room [128]byte
	key := strconv.AppendUint(append(append(room[:0], name...), '/'), src.Version, 16)
	if a.o.Details == nil {
		return d, expires, wire.SourceFailed("This server has no source for details.", nil)
	}
	d, err = a.readDemand(c, what, ondemand.Call{
		Kind: kindDetail, Key: string(key), Name: name, TTL: a.o.Demand.Keep,
		Read: func(ctx context.Context) (ondemand.Value, error) { return a.readDetail(ctx, src) },
	})
	if errors.Is(err, ondemand.ErrAbsent) {
		return d, expires, wire.SourceFailed("The source no longer has the "+what+".", err)
	}
	if err != nil {
		return d, expires, err
	}
	if !d.Drop && !d.stale {
		expires = d.Time.Add(a.o.Demand.Keep)
	}
	return d, expires, nil
}

// unlistedDetail is a request that is not in the lists, as the source has it; an
// empty record means that the source has none of that name.
type unlistedDetail struct {
	record, lists []byte
	reason        string // schema.UnlistedArchived or schema.UnlistedOther
}

// unlisted reads a request that is not in the lists by its name, if it may be the
// name of one. That the source has none is kept for as long as what it has; when
// the source can't be read it is unknown, and an error.
func (a *API) unlisted(c echo.Context, name string, generation *store.Generation, newest bool) (record []byte, reason string, read demandRead, err error) {
	none := func() error { return wire.NotFound("workflow", name, generation.NearWorkflows(name, 3)) }
	if a.o.Details == nil || !newest || !schema.IsRequestName(name) {
		return nil, "", read, none()
	}
	const what = "request of this name, which is not in the lists,"
	read, err = a.readDemand(c, what, ondemand.Call{
		Kind: kindUnlisted, Key: name, TTL: a.o.Demand.Keep,
		Read: func(ctx context.Context) (ondemand.Value, error) { return a.readUnlisted(ctx, name) },
	})
	if err != nil {
		return nil, "", read, err
	}
	found, _ := read.Data.(unlistedDetail)
	switch {
	case len(found.record) > 0:
		read.Data = found.lists
		return found.record, found.reason, read, nil
	case read.stale:
		return nil, "", read, wire.SourceFailed("Reading the "+what+" from the source failed.", nil)
	}
	return nil, "", read, none()
}

func (a *API) readUnlisted(ctx context.Context, name string) (v ondemand.Value, err error) {
	detail, err := a.o.Details.Detail(ctx, name, nil)
	if errors.Is(err, ondemand.ErrAbsent) {
		return ondemand.Value{Data: unlistedDetail{}, Cost: int64(len(name))}, nil
	}
	if err != nil {
		return v, fmt.Errorf("read a request by name: %w", err)
	}
	if detail.ErrorsState == schema.ErrorsNone { // what agents count is not known
		detail.ErrorsState = schema.ErrorsNotLoaded
	}
	if v, err = sourceLists(&detail); err != nil {
		return v, err
	}
	lists, _ := v.Data.([]byte)
	found := unlistedDetail{record: schema.AppendJSON(nil, &detail.Workflow), lists: lists, reason: schema.UnlistedOther}
	if schema.IsArchived(detail.Status) {
		found.reason = schema.UnlistedArchived
	}
	v.Data, v.Cost = found, v.Cost+int64(len(found.record))
	return v, nil
}

func (a *API) readDetail(ctx context.Context, src join.Sources) (v ondemand.Value, err error) {
	detail, err := a.o.Details.Detail(ctx, src.Request, src.Agents)
	if err != nil {
		return v, fmt.Errorf("read details: %w", err)
	}
	return sourceLists(&detail)
}

// sourceLists encodes the members of a detail that come from the source.
func sourceLists(detail *schema.Detail) (v ondemand.Value, err error) {
	encoded := schema.AppendDetail(nil, detail)
	lists := make([]byte, 0, len(encoded))
	for m, err := range render.Members(encoded) {
		if err != nil {
			return v, fmt.Errorf("read details: %w", err)
		}
		if isSourceKey(string(m.Key)) {
			lists = appendMember(lists, string(m.Key), m.Value)
		}
	}
	return ondemand.Value{Data: lists, Cost: int64(len(lists)), Drop: detail.ErrorsState == schema.ErrorsFailed}, nil
}

// isSourceKey reports whether a member of a detail comes from the source, not
// from the store.
func isSourceKey(key string) bool {
	return key == "ErrorsState" || key == "ReportedJobs" || key != "AlertRecords" && key != "Holds" && slices.ContainsFunc(detailLists, func(l struct{ key, kind string }) bool { return l.key == key })
}

func appendMember(dst []byte, key string, value []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = append(append(append(dst, '"'), key...), '"', ':')
	return append(dst, value...)
}

// joinDetail builds the whole: the list record without its name lists Agents
// and Sites, the lists of records, Recoveries, AlertRecords, Holds, DetailsTime and
// Unlisted.
func joinDetail(record []byte, read demandRead, recoveries []string, alerts []schema.Alert, held []schema.Hold, unlisted string) ([]byte, error) {
	lists, _ := read.Data.([]byte)
	const around = 512 // braces, commas, Recoveries, AlertRecords, Holds, DetailsTime
	body := append(make([]byte, 0, len(record)+len(lists)+around), '{')
	for m, err := range render.Members(record) {
		if err != nil {
			return nil, fmt.Errorf("read a list record: %w", err)
		}
		if string(m.Key) != "Agents" && string(m.Key) != "Sites" {
			if len(body) > 1 {
				body = append(body, ',')
			}
			body = append(append(append(body, '"'), m.Key...), `":`...)
			body = append(body, m.Value...)
		}
	}
	body = append(append(body, ','), lists...)
	if len(recoveries) == 0 { // nearly always: avoids setting up an encoder
		body = append(body, `,"Recoveries":[]`...)
	} else {
		var o objectWriter
		o.value("Recoveries", recoveries)
		if o.err != nil {
			return nil, o.err
		}
		body = append(append(body, ','), o.bytes[1:]...)
	}
	body = append(body, `,"AlertRecords":[`...)
	for i := range alerts {
		if i > 0 {
			body = append(body, ',')
		}
		body = schema.AppendJSON(body, &alerts[i])
	}
	body = append(body, `],"Holds":[`...)
	for i := range held {
		if i > 0 {
			body = append(body, ',')
		}
		body = schema.AppendJSON(body, &held[i])
	}
	body = append(body, `],"DetailsTime":`...)
	at := int64(0)
	if read.aged {
		at = read.Time.Unix()
	}
	body = strconv.AppendInt(body, at, 10)
	return append(append(append(body, `,"Unlisted":"`...), unlisted...), `"}`...), nil
}

// detailLines returns the records of a detail, each with its Kind as first
// key: the Workflow with ErrorsState, then the lists, then one line for each
// recovery.
func detailLines(name string, body []byte) ([][]byte, error) {
	head := []byte(`{"Kind":"Workflow"`)
	var rest [][]byte
	for m, err := range render.Members(body) {
		if err != nil {
			return nil, fmt.Errorf("read a detail: %w", err)
		}
		key := string(m.Key)
		list := slices.IndexFunc(detailLists, func(l struct{ key, kind string }) bool { return l.key == key })
		if list < 0 && key != "Recoveries" {
			head = append(append(head, ','), appendMember(nil, key, m.Value)...)
			continue
		}
		for element, err := range render.Elements(m.Value) {
			if err != nil {
				return nil, fmt.Errorf("read %s of a detail: %w", key, err)
			}
			var line objectWriter
			if list < 0 {
				line.text("Kind", "Recovery")
				line.text("Workflow", name)
				line.raw("Recovery", element)
				rest = append(rest, append(line.bytes, '}'))
				continue
			}
			line.text("Kind", detailLists[list].kind)
			rest = append(rest, append(append(line.bytes, ','), element[1:]...))
		}
	}
	return slices.Concat([][]byte{append(head, '}')}, rest), nil
}
