package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/reevenet/reeve/internal/bus/httpproxy"
)

// asked counts how often each source is asked.
type asked struct{ checks, info, metrics, blocks atomic.Int64 }

func counting(n *node, block []byte) *asked {
	a := &asked{}
	checks, info := n.config.Checks, n.config.Info
	n.config.Checks = func(ctx context.Context) []Check { a.checks.Add(1); return checks(ctx) }
	n.config.Info = func(ctx context.Context) (*Info, error) { a.info.Add(1); return info(ctx) }
	n.config.Metrics = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { a.metrics.Add(1); return nil, nil })
	n.config.Block = func(context.Context, string, string) (*Block, error) {
		a.blocks.Add(1)
		return &Block{Content: block}, nil
	}
	return a
}

// hostile asks without a pause over so many connections at once, and returns how often it was answered with what.
func hostile(h http.Handler, path string, connections int, lasts time.Duration) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	got, end := map[int]int{}, time.Now().Add(lasts)
	for range connections {
		wg.Go(func() {
			for time.Now().Before(end) {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", path, nil)
				r.Host = "localhost"
				h.ServeHTTP(w, r)
				mu.Lock()
				got[w.Code]++
				mu.Unlock()
				time.Sleep(time.Microsecond) // of a test's own time, in which answers take none
			}
		})
	}
	wg.Wait()
	return got
}

func TestWhoAsksWithoutAPauseIsAnsweredAtItsPace(t *testing.T) {
	const seconds, connections = 10, 64
	for path, most := range map[string]int{
		"/ext/chain/kv/block/7": answersAtOnce + (seconds+1)*answersPerS,
		"/ext/metrics":          (answersAtOnce+(seconds+1)*answersPerS)/metricsReads + readsAtOnce,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t)
			counting(n, []byte("block"))
			got := hostile(New(n.config).Handler(), path, connections, seconds*time.Second)
			if got[200] > most || got[200] < most/2 || got[429] > connections*(seconds+1) || len(got) > 2 {
				t.Errorf("%s: %v, at most %d should be answered", path, got, most)
			}
		})
	}
}

// Who may see a node's metrics may have a program that asks for them without end.
func TestWhoScrapesWithoutAPauseIsAnsweredAtItsPace(t *testing.T) {
	const seconds = 10
	for _, path := range []string{"/metrics", "/ext/metrics"} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t)
			a := counting(n, nil)
			got := hostile(New(n.config).Monitoring(), path, 64, seconds*time.Second)
			most := (answersAtOnce+(seconds+1)*answersPerS)/metricsReads + readsAtOnce
			if got[200] > most || got[200] < most/2 || a.metrics.Load() > int64(seconds*time.Second/scrapeAge)+1 {
				t.Errorf("%s: %v, gathered %d times, at most %d", path, got, a.metrics.Load(), most)
			}
		})
	}
}

func TestHealthIsAnsweredHoweverOftenItIsAskedForAndTheNodeIsAskedSeldom(t *testing.T) {
	const seconds, connections = 10, 64
	for _, path := range []string{"/ext/health", "/ext/info", "/ext/metrics", "/ext/health/liveness"} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t)
			a := counting(n, nil)
			got := hostile(New(n.config).Handler(), path, connections, seconds*time.Second)
			if path != "/ext/metrics" && (len(got) != 1 || got[200] > answersAtOnce+(seconds+1)*(answersPerS+connections)) {
				t.Errorf("%s: %v", path, got)
			}
			most := int64((seconds + 1) * time.Second / healthAge)
			if a.checks.Load() > most || a.info.Load() > most || a.metrics.Load() > seconds+2 {
				t.Errorf("%s: the node was asked %d, %d and %d times", path, a.checks.Load(), a.info.Load(), a.metrics.Load())
			}
		})
	}
}

func TestAnAnswerIsPaidByItsBytes(t *testing.T) {
	const seconds = 10
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		size := 1 << 20
		counting(n, make([]byte, size))
		got := hostile(New(n.config).Handler(), "/ext/chain/kv/block/7", 64, seconds*time.Second)
		most := (answersAtOnce+(seconds+1)*answersPerS)/(size/bytesOfRead) + readsAtOnce
		if got[200] > most || got[200] == 0 {
			t.Errorf("%v, at most %d blocks of 1 MiB should be served", got, most)
		}
	})
}

func TestFewAddressesAreRememberedAndThoseThatRestAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paid, r := &accounts{byAddress: map[string]*account{}}, httptest.NewRequest("GET", "/", nil)
		for i := range maxAccounts {
			one := newAccount(10)
			one.looks.ReserveN(time.Now(), 1)
			paid.byAddress[fmt.Sprint(i)] = one
		}
		if paid.of(r) != paid.byAddress["the others"] || len(paid.byAddress) != maxAccounts+1 {
			t.Errorf("while all are at it, %d addresses are remembered", len(paid.byAddress))
		}
		time.Sleep(time.Second)
		if paid.of(r) != paid.byAddress[""] || len(paid.byAddress) != 1 {
			t.Errorf("when all have rested, %d addresses are remembered", len(paid.byAddress))
		}
	})
}

// passed counts the calls that come through to a chain, each of which answers so many bytes.
func passed(t *testing.T, callsPerS, bytes int, cost string) int {
	const seconds = 10
	calls := 0
	synctest.Test(t, func(t *testing.T) {
		paid := &accounts{byAddress: map[string]*account{}, callsPerS: callsPerS}
		got := hostile(paid.call(func(w http.ResponseWriter, r *http.Request) {
			answer := &http.Response{Header: http.Header{httpproxy.CostHeader: {cost}}, Request: r}
			if err := onAnswer(answer); err != nil || answer.Header.Get(httpproxy.CostHeader) != "" {
				t.Errorf("%v, and the client is shown %v", err, answer.Header)
			}
			w.Write(make([]byte, bytes))
		}), "/", 64, seconds*time.Second)
		calls = got[200]
	})
	return calls
}

func TestCallsOfAnAddressArePassedOnAtItsPace(t *testing.T) {
	const perS, whole = 100, (callsAtOnce + 10) * 100
	for what, c := range map[string]struct {
		bytes int
		cost  string
		times int // as many calls as one costs
	}{
		"small answers":                           {0, "", 1},
		"answers of 1 MiB":                        {1 << 20, "", 17},
		"what the VM says has cost more":          {0, "9", 10},
		"what the VM says has cost all":           {0, "1000000", perS * callsAtOnce},
		"what the VM says that can't be read":     {0, "much", 1},
		"what the VM says to have cost them less": {0, "-5", 1},
	} {
		got := passed(t, perS, c.bytes, c.cost)
		if got > whole/c.times+64 || got < whole/c.times/2 {
			t.Errorf("%s: %d calls came through, of %d", what, got, whole/c.times)
		}
	}
}

func TestWithoutABoundAllCallsArePassedOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paid, began := &accounts{byAddress: map[string]*account{}}, time.Now()
		for range 10_000 {
			w := httptest.NewRecorder()
			paid.call(func(http.ResponseWriter, *http.Request) {}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != http.StatusOK || time.Since(began) > 0 {
				t.Fatalf("%d after %v", w.Code, time.Since(began))
			}
		}
	})
}
