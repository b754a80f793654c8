package simulate

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/mock/design"
)

// backup copies both databases.
func (s *source) backup() {
	for _, db := range databases {
		if b, err := s.fake.Backup(db); err == nil {
			s.backups[db], s.backedUp[db] = b, s.is.clone()
		}
	}
}

// restore replaces a database with its copy and reports whether there is a copy
// with other content.
func (s *source) restore(db string) bool {
	b := s.backups[db]
	if b == nil || s.missing[db] {
		return false
	}
	s.fake.Restore(b)
	then := s.backedUp[db].clone()
	if db == design.RequestDB {
		s.is.requests = then.requests
	} else {
		s.is.reports, s.is.infos = then.reports, then.infos
	}
	return true
}

// purge purges up to n documents of a database, starting with number first.
func (s *source) purge(db string, first, n int) {
	if s.missing[db] {
		return
	}
	if db == design.RequestDB {
		for _, i := range pick(s.is.requests, first, n, cmp.Compare[int]) {
			s.fake.Purge(db, documentID(i, -1))
			delete(s.is.requests, i)
		}
		return
	}
	for _, key := range pick(s.is.reports, first, n, byWorkflow) {
		s.fake.Purge(db, documentID(key[0], key[1]))
		delete(s.is.reports, key)
	}
}

// pick returns n consecutive keys, starting with index first.
func pick[K comparable, V any](of map[K]V, first, n int, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	var out []K
	for i := range min(n, len(keys)) {
		out = append(out, keys[(first+i)%len(keys)])
	}
	return out
}

// byWorkflow orders reports by workflow, then by agent.
func byWorkflow(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }

// drop deletes a database.
func (s *source) drop(db string) {
	s.fake.Drop(db)
	s.missing[db] = true
	if db == design.RequestDB {
		s.is.requests = map[int]request{}
	} else {
		s.is.reports, s.is.infos = map[[2]int]report{}, map[int]int64{}
	}
}

// create creates a deleted database again.
func (s *source) create(db string) {
	if err := s.fake.Create(db); err != nil {
		panic(err) // the names are fixed
	}
	delete(s.missing, db)
	if !s.plan.NoViews {
		if err := s.writeDesign(db); err != nil {
			panic(err)
		}
	}
}

// fill writes a share of a database's former documents, in percent, beginning with
// the lowest numbers; existing documents with an active status stay.
func (s *source) fill(db string, held content, percent int) {
	if s.missing[db] {
		return
	}
	if db == design.RequestDB {
		keys := pick(held.requests, 0, len(held.requests)*percent/100, cmp.Compare[int])
		for _, n := range keys {
			// A request that has left the lists is gone for our server too.
			if now, there := s.is.requests[n]; !there || archived[now.status] && !archived[held.requests[n].status] {
				s.is.requests[n] = held.requests[n]
				s.put(db, requestDocument(n, held.requests[n]))
			}
		}
		return
	}
	keys := pick(held.reports, 0, len(held.reports)*percent/100, byWorkflow)
	for _, k := range keys {
		if _, there := s.is.reports[k]; !there {
			s.is.reports[k] = held.reports[k]
			s.put(db, reportDocument(held.reports[k]))
		}
	}
	for _, a := range pick(held.infos, 0, len(held.infos), cmp.Compare[int]) {
		if _, there := s.is.infos[a]; !there {
			at := held.infos[a]
			s.is.infos[a] = at
			s.put(db, infoDocument(a, at))
		}
	}
}
