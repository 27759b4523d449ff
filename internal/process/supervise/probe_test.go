package supervise

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Only an answer counts for a process or against it: a watchdog that can't ask must not end what works.
func TestAProbeThatFindsNobodyToAskIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var answer atomic.Pointer[error]
		answer.Store(new(error))
		hung, ended := make(chan error, 1), make(chan struct{})
		go func() {
			defer close(ended)
			watch(ctx, func(context.Context) error { return *answer.Load() }, hung)
		}()
		after := func(intervals int, now error) {
			time.Sleep(time.Duration(intervals)*probeInterval + probeInterval/2)
			synctest.Wait()
			answer.Store(&now)
		}
		after(1, ErrUnknown)
		after(10*int(probeFirst/probeInterval), nil)
		if len(hung) > 0 {
			t.Fatalf("taken for hung because nobody could be asked: %v", <-hung)
		}
		after(2, errors.New("it isn't attached"))
		after(probeMisses+1, nil)
		if len(hung) == 0 {
			t.Error("a process that hangs isn't found")
		}
		cancel()
		<-ended
	})
}
