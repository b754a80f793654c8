package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// readOld calls fn for each workflow of the old server. Memory holds one document.
func (r *run) readOld(ctx context.Context, fn func(name string, one *row)) error {
	body, _, finish, err := r.old.open(ctx, r.Old.requestcache())
	if err != nil {
		return err
	}
	err = rows(body, func(d *json.Decoder) error {
		if err := expect(d, json.Delim('{')); err != nil {
			return err
		}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return broken(err)
			}
			var doc any
			if err := d.Decode(&doc); err != nil {
				return broken(err)
			}
			members, _ := doc.(object)
			fn(recount(key.(string), members)) // a key is a text
		}
		return expect(d, json.Delim('}'))
	})
	if err = errors.Join(err, finish()); err != nil {
		return fmt.Errorf("%s: requestcache: %w", r.old.name, err)
	}
	return nil
}

// readNew calls fn for each record of the new server, and returns the headers of
// its answer.
func (r *run) readNew(ctx context.Context, fn func(name string, one *row)) (http.Header, error) {
	keys := make([]string, 0, allFigures)
	for _, f := range figures {
		keys = append(keys, f.key)
	}
	body, header, finish, err := r.new.open(ctx, r.New+"/fetch?limit=all&format=ndjson&fields="+strings.Join(keys, ","))
	if err != nil {
		return nil, err
	}
	count, d := 0, json.NewDecoder(body)
	d.UseNumber()
	for {
		var record object
		if err = d.Decode(&record); err != nil {
			break
		}
		name, one, err := ofRecord(record)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: /fetch: %w", r.new.name, err), finish())
		}
		fn(name, one)
		count++
	}
	if !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%s: /fetch: %w", r.new.name, broken(err)), finish())
	}
	if total := header.Get("X-Total-Count"); total != strconv.Itoa(count) {
		return nil, errors.Join(fmt.Errorf("%s: /fetch: %d records came, X-Total-Count is %q", r.new.name, count, total), finish())
	}
	return header, finish()
}

// ofRecord returns the figures of a record of the new server.
func ofRecord(record object) (name string, one *row, err error) {
	one = newRow()
	if name = plain(record["Workflow"]); name == "" {
		return "", nil, errors.New("a record without Workflow")
	}
	for at, f := range figures {
		ok := false
		switch v := record[f.key].(type) {
		case string:
			if ok = f.kind == aText; ok {
				one.texts[at] = unique.Make(v)
			}
		case bool:
			if ok = f.kind == aText; ok {
				one.texts[at] = asFlag(v)
			}
		case []any:
			if ok = f.kind == aList; ok {
				names := make([]string, 0, len(v))
				for _, v := range v {
					names = append(names, plain(v))
				}
				one.setList(at, names)
			}
		case json.Number:
			if ok = f.kind == aNumber; ok {
				one.numbers[at-textFigures], err = v.Int64()
				ok = err == nil
			}
		}
		if !ok {
			return "", nil, fmt.Errorf("%s of %s is %v", f.key, name, record[f.key])
		}
	}
	return name, one, nil
}

// readDetail returns what the new server says by agent about a workflow; none if
// it does not have it any more.
func (r *run) readDetail(ctx context.Context, name string) (map[string]report, error) {
	var detail struct{ Agents []object }
	err := r.readJSON(ctx, "/fetch/"+url.PathEscape(name), &detail)
	var refused *statusError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	agents := map[string]report{}
	for _, record := range detail.Agents {
		one := report{agent: plain(record["Agent"])}
		whole := func(key string) int64 {
			n, _ := record[key].(json.Number)
			v, failed := n.Int64()
			err = errors.Join(err, failed)
			return v
		}
		one.time = whole("UpdateTime")
		for i := range detailNumbers {
			one.numbers[i] = whole(figures[textFigures+firstReported+i].key)
		}
		agents[one.agent] = one
	}
	if err != nil {
		return nil, fmt.Errorf("%s: /fetch/%s: %w", r.new.name, name, err)
	}
	return agents, nil
}

// readQuarantine returns the ids of documents that the new server can't use.
func (r *run) readQuarantine(ctx context.Context) (map[string]bool, error) {
	var list []struct{ ID string }
	if err := r.readJSON(ctx, "/quarantine?fields=ID", &list); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, q := range list {
		ids[q.ID] = true
	}
	return ids, nil
}

func (r *run) readJSON(ctx context.Context, path string, to any) error {
	body, _, finish, err := r.new.open(ctx, r.New+path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(body)
	d.UseNumber()
	if err = errors.Join(d.Decode(to), finish()); err != nil {
		return fmt.Errorf("%s: %s: %w", r.new.name, path, err)
	}
	return nil
}

// call is a call of the old API that is compared on both servers.
type call struct {
	name, query string
	severe      bool // what it lacks, or has otherwise, destroys data or moves work
	names       bool // its rows are names, not objects
}

// calls are those of the clients that act on the answer.
func calls() []call {
	return []call{
		{"globallocks", "globallocks", true, true},
		{"protectedlfns", "protectedlfns", true, true},
		{"heartbeat", "filtered_requests?mask=RequestStatus&mask=RequestType&mask=RequestPriority&mask=Campaign&mask=RequestNumEvents", false, false},
		{"sites-running", "filtered_requests?RequestStatus=running-open&mask=SiteWhitelist&mask=SiteBlacklist", true, false},
		{"sites-acquired", "filtered_requests?RequestStatus=acquired&mask=SiteWhitelist&mask=SiteBlacklist", true, false},
		{"parentage", "filtered_requests?RequestType=StepChain&ParentageResolved=False&mask=ChainParentageMap", true, false},
	}
}

// readCall calls fn for each row: a name, or the name of a workflow with its values
// as canonical JSON. Lists are sorted, since the old server has no order.
func (r *run) readCall(ctx context.Context, s *server, data string, c call, fn func(name, values string)) error {
	body, _, finish, err := s.open(ctx, data+"/"+c.query)
	if err != nil {
		return err
	}
	err = rows(body, func(d *json.Decoder) error {
		var v any
		if err := d.Decode(&v); err != nil {
			return broken(err)
		}
		members, isObject := v.(object)
		if c.names {
			fn(canonical(v), "")
			return nil
		}
		if !isObject {
			return fmt.Errorf("a row is %.100s", canonical(v))
		}
		name := plain(members["RequestName"])
		delete(members, "RequestName")
		fn(name, canonical(members))
		return nil
	})
	if err = errors.Join(err, finish()); err != nil {
		return fmt.Errorf("%s: %s: %w", s.name, c.name, err)
	}
	return nil
}

// canonical returns a text as it is, and other values as JSON with sorted lists.
func canonical(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(asSets(v)); err != nil {
		return fmt.Sprint(v) // a decoded value always encodes
	}
	return strings.TrimSpace(out.String())
}

func asSets(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, v := range v {
			list = append(list, asSets(v))
		}
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(canonical(a), canonical(b)) })
		return list
	case object:
		for key := range v {
			v[key] = asSets(v[key])
		}
	}
	return v
}
