package vmhost

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// recorded is a job that writes down what is done with it.
type recorded struct {
	m    *subsystem.Message
	name string
	log  *[]string
	err  error
}

func (j *recorded) begin(g *generation) bool {
	*j.log = append(*j.log, fmt.Sprintf("begin %s %d", j.name, g.number))
	return j.m.Open()
}

func (j *recorded) call(context.Context, *generation) error { return j.err }

func (j *recorded) finish(*generation) {
	*j.log = append(*j.log, "finish "+j.name)
	j.m.Reply(&pluginv1.RejectBlockResponse{})
}

// queueOf makes a queue whose jobs are named by the block that a test asks to reject.
func queueOf(t *testing.T, started bool, fails map[string]error) (*fixture, *queue, *[]string) {
	f := newFixture(t)
	q := &queue{sub: f.sub, life: f.life, limits: f.life.limits}
	log := &[]string{}
	f.handle = func(m *subsystem.Message) {
		name := string(m.Body.(*pluginv1.RejectBlockRequest).GetBlockId())
		q.add(m, &recorded{m: m, name: name, log: log, err: fails[name]}, []byte(name))
	}
	f.onUp = q.pump
	if started {
		if err := f.life.startFirst(); err != nil {
			t.Fatal(err)
		}
	}
	return f, q, log
}

func (f *fixture) reject(name string) *overseertest.Answer {
	return f.Ask("engine", &pluginv1.RejectBlockRequest{BlockId: []byte(name)})
}

func TestBlockCallsAreMadeOneAfterTheOther(t *testing.T) {
	f, _, log := queueOf(t, false, nil)
	for _, name := range []string{"a", "b", "c"} {
		f.reject(name)
	}
	if len(*log) != 0 {
		t.Fatalf("without a plugin: %v", *log)
	}
	if err := f.life.startFirst(); err != nil {
		t.Fatal(err)
	}
	f.Step()
	want := []string{"begin a 1", "finish a", "begin b 1", "finish b", "begin c 1", "finish c"}
	if !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
}

func TestACallIsMadeAgainBeforeThoseBehindItAndGivenUpAfterTwo(t *testing.T) {
	f, _, log := queueOf(t, true, map[string]error{"bad": status.Error(codes.Unavailable, "gone")})
	bad, good := f.reject("bad"), f.reject("good")
	f.Advance(time.Second)
	want := []string{"begin bad 1", "begin bad 2", "begin good 3", "finish good"}
	if !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, bad).GetError(); e.GetUnavailable() == nil {
		t.Errorf("the call that two plugins died on: %v", e)
	}
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, good).GetError(); e != nil {
		t.Error(e)
	}
	again := f.reject("bad")
	f.Step()
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, again).GetError(); e.GetInternal() == nil || len(*log) != len(want) {
		t.Errorf("bytes that two plugins died on: %v, %v", e, *log)
	}
}

func TestACallWaitsForAPluginOnlySoLong(t *testing.T) {
	f, q, log := queueOf(t, false, nil)
	a := f.reject("a")
	f.Advance(q.limits.Wait - time.Second)
	f.reject("b")
	if q.expire(); a.Done {
		t.Fatal("failed too early")
	}
	f.Advance(2 * time.Second)
	q.expire()
	f.Step()
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, a).GetError(); e.GetUnavailable() == nil || len(q.jobs) != 1 || len(*log) != 0 {
		t.Errorf("%v; %d wait", e, len(q.jobs))
	}
}

func TestTooManyCallsAreRefused(t *testing.T) {
	f, q, _ := queueOf(t, false, nil)
	q.limits.Queue = 2
	f.reject("a")
	f.reject("b")
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, f.reject("c")).GetError(); e.GetBusy() == nil || len(q.jobs) != 2 {
		t.Errorf("%v; %d wait", e, len(q.jobs))
	}
}

func TestOnlyAcceptancesBehindOneAnotherShareAWait(t *testing.T) {
	accept := func(size int) *queued {
		return &queued{
			job:   &acceptJob{list: []*acceptance{{entry: &chainstore.Entry{Content: make([]byte, size)}}}},
			asked: []*subsystem.Message{nil}, attempts: 1,
		}
	}
	other := &queued{job: &recorded{}}
	q := &queue{jobs: []*queued{other, accept(1), accept(1), accept(togetherBytes), other, accept(1)}}
	for range together {
		q.jobs = append(q.jobs, accept(1))
	}
	var sizes []int
	for len(q.jobs) > 0 {
		n := 1
		if j, ok := q.next().job.(*acceptJob); ok {
			n = len(j.list)
		}
		sizes = append(sizes, n)
	}
	if want := []int{1, 2, 1, 1, together, 1}; !slices.Equal(sizes, want) {
		t.Errorf("calls of %v, want %v", sizes, want)
	}
}
