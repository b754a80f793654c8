package couch

import (
	"context"
	"strconv"
	"time"
)

// An answer about changes that ends is no proof that there are no others: it
// may have been ended early, and be whole in its form. So they are asked for
// until an answer has none.
const (
	mostAnswers  = 100 // so many that bring no end are a failure
	wordCounts   = 3   // after so many that brought changes: there may always be one that came after the question
	askAgain     = 50 * time.Millisecond
	mostAskAgain = time.Second
)

// asking follows answers about changes to the last change.
type asking struct {
	answers int
	wait    time.Duration
}

// next takes an answer that has ended, with so many changes, and says whether
// there may be others; then it has waited, but for the first time.
func (a *asking) next(ctx context.Context, op string, changes int, t tail) (more bool, err error) {
	left, told := t.pending()
	switch a.answers++; {
	case changes == 0 && left == 0:
		return false, nil
	case a.answers > wordCounts && told && left == 0:
		return false, nil
	case a.answers == mostAnswers:
		return false, &Error{Op: op, Kind: ErrCut, Reason: "answers ended before the last change, again and again"}
	case a.answers == 1:
		return true, nil
	}
	a.wait = min(max(2*a.wait, askAgain), mostAskAgain)
	timer := time.NewTimer(a.wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ofTransport(ctx, op, ctx.Err())
	case <-timer.C:
		return true, nil
	}
}

// pending is how many changes the server says to have behind an answer; told is
// false when it does not say.
func (t tail) pending() (n int64, told bool) {
	n, err := strconv.ParseInt(string(t.Pending), 10, 64)
	return max(n, 0), err == nil
}

// changesNow passes on the changes that there are after since. The last one that
// it yields only moves the position.
func (c *Client) changesNow(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) error {
	var a asking
	for {
		op, changes, t, err := c.changesOnce(ctx, db, since, o, yield)
		if err != nil {
			return err
		}
		since = seqOf(t.LastSeq)
		more := false
		if o.Limit == 0 || changes < o.Limit {
			more, err = a.next(ctx, op, changes, t)
		}
		// Behind changes that were found the position has moved with them.
		if (!more || changes == 0) && !yield(Change{Seq: since, End: true}, nil) {
			return errStopped
		}
		if err != nil || !more {
			return err
		}
	}
}

// changesOnce passes on what one answer brings.
func (c *Client) changesOnce(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) (op string, changes int, t tail, err error) {
	s, err := c.openFeed(ctx, db, since, o)
	if err != nil {
		return "", 0, t, err
	}
	defer s.close()
	o.Alive()
	t, err = s.rows(func(raw []byte) error {
		o.Alive()
		change, err := s.pass(raw, yield)
		if change {
			changes++
		}
		return err
	}, o.Alive)
	if err == nil {
		err = t.positioned(s.op)
	}
	return s.op, changes, t, err
}

// positioned says that an answer about changes names its position.
func (t tail) positioned(op string) error {
	if len(t.LastSeq) == 0 {
		return &Error{Op: op, Kind: ErrForm, Reason: "changes without a last_seq"}
	}
	return nil
}
