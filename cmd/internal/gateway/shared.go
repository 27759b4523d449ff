package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// How old an answer may be that clients get. Monitoring gets new ones, but for metrics, for which all processes are
// asked: scrapeAge is how old those may be there.
const (
	healthAge  = 100 * time.Millisecond
	metricsAge = time.Second
	scrapeAge  = 250 * time.Millisecond
)

// shared asks once at a time and once in a while, however many want to know.
type shared[T any] struct {
	age, limit time.Duration
	ask        func(context.Context) (T, error)

	mu   sync.Mutex
	last *answered[T]
}

// answered is an answer, once done is closed.
type answered[T any] struct {
	done  chan struct{}
	at    time.Time
	value T
	err   error
}

func (a *answered[T]) usable(age time.Duration) bool {
	select {
	case <-a.done:
		return time.Since(a.at) < age
	default:
		return true // it is on its way
	}
}

func (s *shared[T]) get(ctx context.Context) (T, error) {
	s.mu.Lock()
	a := s.last
	if a == nil || !a.usable(s.age) {
		a = &answered[T]{done: make(chan struct{})}
		s.last = a
		go s.fill(a)
	}
	s.mu.Unlock()
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (s *shared[T]) fill(a *answered[T]) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	a.value, a.err = s.ask(ctx)
	a.at = time.Now()
}

// forClients is the same node, asked on behalf of many: what they all want to know is asked once.
func (c Config) forClients() Config {
	checks := &shared[[]Check]{age: healthAge, limit: lookTimeout,
		ask: func(ctx context.Context) ([]Check, error) { return c.Checks(ctx), nil }}
	info := &shared[*Info]{age: healthAge, limit: lookTimeout, ask: c.Info}
	all := c
	all.Checks = func(ctx context.Context) []Check {
		list, err := checks.get(ctx)
		if err != nil {
			return []Check{{Name: "overseer", Cause: "doesn't answer", Since: time.Now()}}
		}
		return list
	}
	all.Info = info.get
	all.Metrics = c.gathered(metricsAge)
	return all
}

// gathered are the node's metrics, gathered once for all who ask within that time.
func (c Config) gathered(age time.Duration) prometheus.Gatherer {
	metrics := &shared[[]*dto.MetricFamily]{age: age, limit: sourceTimeout,
		ask: func(context.Context) ([]*dto.MetricFamily, error) { return c.Metrics.Gather() }}
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		ctx, cancel := context.WithTimeout(context.Background(), sourceTimeout)
		defer cancel()
		return metrics.get(ctx)
	})
}
