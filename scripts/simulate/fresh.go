package simulate

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// fresh creates a server that has just read everything over a network without
// faults. The stand-in must have no active faults. end stops the server.
func (w *world) fresh() (p *process, end func(), err error) {
	w.fresher++
	n := newNetwork()
	served := make(chan struct{})
	server := &http.Server{Handler: w.source.fake, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(served)
		_ = server.Serve(n) // ends with the server
	}()
	p, err = newProcess(processOptions{
		plan: w.plan, tag: fmt.Sprintf("fresh%d", w.fresher), dial: n, password: func() string { return w.source.password }, apis: &w.freshAPI, log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	p.start()
	end = func() {
		_ = p.end(false) // its results are not needed any more
		n.each(&linkFault{}, func(l *link) { l.end(false) })
		_ = server.Close()
		<-served
	}
	for began := time.Now(); time.Since(began) < healing; {
		time.Sleep(time.Second)
		if p.follower.Loaded() {
			return p, end, nil
		}
	}
	end()
	return nil, nil, errors.New("the first full read did not end within " + healing.String())
}
