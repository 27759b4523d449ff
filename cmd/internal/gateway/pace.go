package gateway

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
)

// What the node itself answers to one address. Whoever asks faster waits, and so does nobody else: the process that
// answers is the one that routes what consensus says.
const (
	answersPerS   = 100 // of health, liveness and information, each; and of reads
	answersAtOnce = 200
	readsAtOnce   = 4        // of an address, under way
	bytesOfRead   = 64 << 10 // so many bytes served count as one more read
	metricsReads  = 10       // what the metrics count as
	mostWait      = time.Second
	maxAccounts   = 4096 // addresses that are remembered

	bytesOfCall = 64 << 10 // so many bytes of a call to a chain, or of its answer, count as one more call
	callsAtOnce = 2        // calls of so many seconds may come together
)

// account is what one address has asked for.
type account struct {
	looks, reads *rate.Limiter
	calls        *rate.Limiter // of chains
	under        chan struct{} // a slot of each read that is under way
}

func newAccount(callsPerS int) *account {
	return &account{
		calls: rate.NewLimiter(rate.Limit(callsPerS), callsAtOnce*callsPerS),
		looks: rate.NewLimiter(answersPerS, answersAtOnce), reads: rate.NewLimiter(answersPerS, answersAtOnce),
		under: make(chan struct{}, readsAtOnce),
	}
}

// rested tells whether it is as good as new.
func (a *account) rested(now time.Time) bool {
	for _, l := range []*rate.Limiter{a.looks, a.reads, a.calls} {
		if l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return len(a.under) == 0
}

// accounts are those of all addresses.
type accounts struct {
	callsPerS int // 0: no bound
	mu        sync.Mutex
	byAddress map[string]*account
}

// of is the account of who asks. When there are too many, those that come have one together.
func (a *accounts) of(r *http.Request) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	address := httpdoor.Address(r)
	if one := a.byAddress[address]; one != nil {
		return one
	}
	if len(a.byAddress) >= maxAccounts {
		a.forget(time.Now())
	}
	if len(a.byAddress) >= maxAccounts {
		address = "the others"
	}
	if a.byAddress[address] == nil {
		a.byAddress[address] = newAccount(a.callsPerS)
	}
	return a.byAddress[address]
}

func (a *accounts) forget(now time.Time) {
	for address, one := range a.byAddress {
		if one.rested(now) {
			delete(a.byAddress, address)
		}
	}
}

// look is an answer that everybody gets, later when he has had many.
func (a *accounts) look(handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pay(r, a.of(r).looks, 1)
		handle(w, r)
	})
}

// read is an answer that others in the node have to work for. It counts as so many reads, and by its bytes.
func (a *accounts) read(cost int, handle http.HandlerFunc) http.Handler {
	return counted(func(w http.ResponseWriter, r *http.Request) {
		one := a.of(r)
		wait := time.NewTimer(mostWait)
		defer wait.Stop()
		select {
		case one.under <- struct{}{}:
			defer func() { <-one.under }()
		case <-r.Context().Done():
			return
		case <-wait.C:
			tooFast(w)
			return
		}
		if !pay(r, one.reads, cost) {
			tooFast(w)
			return
		}
		served := &served{ResponseWriter: w}
		handle(served, r)
		one.reads.ReserveN(time.Now(), min(served.bytes/bytesOfRead, answersAtOnce))
	})
}

// call is passed on to a chain. It is paid by the bytes that come and go, and by what the VM says that it has cost.
func (a *accounts) call(handle http.HandlerFunc) http.Handler {
	if a.callsPerS == 0 {
		return counted(handle)
	}
	return counted(func(w http.ResponseWriter, r *http.Request) {
		one := a.of(r)
		if !pay(r, one.calls, 1) {
			tooFast(w)
			return
		}
		body, served := &taken{ReadCloser: r.Body}, &served{ResponseWriter: w}
		r.Body = body
		defer func() { one.charge((body.bytes + served.bytes) / bytesOfCall) }()
		handle(served, r.WithContext(context.WithValue(r.Context(), payer{}, one)))
	})
}

// payer is the key of the account that pays for a call, in its context.
type payer struct{}

// charge has whoever called a chain pay for so many more calls.
func charge(ctx context.Context, calls int) {
	if one, _ := ctx.Value(payer{}).(*account); one != nil {
		one.charge(calls)
	}
}

func (a *account) charge(calls int) {
	a.calls.ReserveN(time.Now(), max(0, min(calls, a.calls.Burst())))
}

func tooFast(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "this address asks for more than a node answers: wait a second")
}

// pay waits until there is budget for what is asked, at most for mostWait, and tells whether there is.
func pay(r *http.Request, budget *rate.Limiter, cost int) bool {
	now := time.Now()
	reserved := budget.ReserveN(now, cost)
	delay := reserved.DelayFrom(now)
	if delay > mostWait {
		reserved.CancelAt(now)
	}
	wait := time.NewTimer(min(delay, mostWait))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	}
	return delay <= mostWait
}

// taken counts the bytes of a request.
type taken struct {
	io.ReadCloser
	bytes int
}

func (t *taken) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.bytes += n
	return n, err
}

// served counts the bytes of an answer.
type served struct {
	http.ResponseWriter
	bytes int
}

func (s *served) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p)
	s.bytes += n
	return n, err
}

// Unwrap gives the server what it knows of its own writer.
func (s *served) Unwrap() http.ResponseWriter { return s.ResponseWriter }
