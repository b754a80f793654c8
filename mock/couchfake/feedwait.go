package couchfake

import (
	"strconv"
	"time"
)

// wait sends the buffered rows and waits for the next write, with a blank line
// at each heartbeat. more is false when the feed ends: it was idle for its
// timeout without a heartbeat, the database was deleted, or the server was
// closed.
func (f *feed) wait(wake <-chan struct{}) (more bool, err error) {
	if err := f.line(); err != nil {
		return false, err
	}
	idle := f.timeout
	if f.heartbeat > 0 {
		idle = f.heartbeat
	}
	timer := time.NewTimer(max(0, idle-time.Since(f.lastOut)))
	defer timer.Stop()
	for {
		select {
		case <-wake:
			return true, nil
		case <-timer.C:
			if f.heartbeat == 0 {
				return false, nil
			}
			if err := f.blank(); err != nil {
				return false, err
			}
			timer.Reset(idle)
		case <-f.db.gone:
			return false, nil
		case <-f.server.closed:
			return false, nil
		case <-f.r.Context().Done():
			return false, f.r.Context().Err()
		}
	}
}

// line sends the buffered rows. A feed that has nothing to send yet begins with
// a blank line.
func (f *feed) line() error {
	if !f.wrote {
		return f.blank()
	}
	return f.rw.flush()
}

// blank sends an empty line.
func (f *feed) blank() error {
	f.wrote, f.lastOut = true, time.Now()
	if err := f.rw.text("\n"); err != nil {
		return err
	}
	return f.rw.flush()
}

// beat sends a heartbeat if one is due while a filter drops many rows.
func (f *feed) beat() error {
	if f.kind == feedNormal || f.heartbeat == 0 || time.Since(f.lastOut) < f.heartbeat {
		return nil
	}
	return f.blank()
}

// end writes the position reached and how many changes lie behind it.
func (f *feed) end() error {
	pending := f.db.pending(f.since)
	if f.descending {
		i := f.db.info()
		pending = i.live + i.deleted - f.sent
	}
	last := `"last_seq":` + quoted(f.db.seqText(f.since, f.salt)) + `,"pending":` + strconv.Itoa(pending) + "}\n\n"
	if f.kind == feedContinuous {
		return f.rw.end("{" + last)
	}
	return f.rw.end("\n],\n" + last)
}
