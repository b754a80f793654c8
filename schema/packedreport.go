package schema

import "encoding/binary"

// AppendPackedReport appends an agent report in a compact form without keys, for
// other processes of the same build. UnpackReport reads it.
func AppendPackedReport(dst []byte, r *AgentReport) []byte {
	for _, text := range []string{r.Workflow, r.Agent, r.Team, r.AgentVersion} {
		dst = packText(dst, text)
	}
	dst = binary.AppendVarint(dst, r.Time)
	dst = packCounts(dst, &r.Counts)
	dst = binary.AppendVarint(binary.AppendVarint(dst, r.JobsInWMBS), r.JobsInQueue)
	dst = binary.AppendUvarint(dst, uint64(len(r.Sites)))
	for i := range r.Sites {
		dst = packCounts(packText(dst, r.Sites[i].Site), &r.Sites[i].Counts)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Outputs)))
	for _, o := range r.Outputs {
		dst = packText(dst, o.Dataset)
		for _, n := range []int64{o.Events, o.Lumis, o.Bytes} {
			dst = binary.AppendVarint(dst, n)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Tasks)))
	for _, task := range r.Tasks {
		dst = binary.LittleEndian.AppendUint64(dst, task)
	}
	skipped := byte(0)
	if r.Skipped {
		skipped = 1
	}
	return binary.AppendVarint(append(dst, skipped), r.SkippedFiles)
}

func packCounts(dst []byte, c *JobCounts) []byte {
	for _, n := range c.each() {
		dst = binary.AppendVarint(dst, *n)
	}
	return dst
}

// UnpackReport returns the report that AppendPackedReport appended. Its texts are
// slices of packed.
func UnpackReport(packed string) (r AgentReport, err error) {
	u := Unpacker{data: packed}
	for _, text := range []*string{&r.Workflow, &r.Agent, &r.Team, &r.AgentVersion} {
		*text = u.text()
	}
	r.Time = u.int()
	u.counts(&r.Counts)
	r.JobsInWMBS, r.JobsInQueue = u.int(), u.int()
	for range u.count() {
		s := SiteReport{Site: u.text()}
		u.counts(&s.Counts)
		r.Sites = append(r.Sites, s)
	}
	for range u.count() {
		r.Outputs = append(r.Outputs, OutputReport{Dataset: u.text(), Events: u.int(), Lumis: u.int(), Bytes: u.int()})
	}
	for range u.count() {
		if b := u.take(8); b != "" {
			r.Tasks = append(r.Tasks, binary.LittleEndian.Uint64([]byte(b)))
		}
	}
	r.Skipped = u.take(1) == "\x01"
	r.SkippedFiles = u.int()
	if u.bad || u.data != "" {
		return AgentReport{}, errPacked
	}
	return r, nil
}

func (u *Unpacker) counts(c *JobCounts) {
	for _, n := range c.each() {
		*n = u.int()
	}
}

// count returns a number of items of at least one byte each.
func (u *Unpacker) count() uint64 {
	n := u.uint()
	if n > uint64(len(u.data)) {
		u.bad, n = true, 0
	}
	return n
}

// int returns a number that binary.AppendVarint appended.
func (u *Unpacker) int() int64 {
	n := u.uint()
	return int64(n>>1) ^ -int64(n&1)
}
