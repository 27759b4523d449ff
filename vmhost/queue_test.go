package vmhost

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/supervise"
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

// recordedBlock is one about the block that it is named by.
type recordedBlock struct {
	*recorded
	q *queue
}

func (j *recordedBlock) begin(g *generation) bool {
	if e := j.q.suspects.refusal(j.q.sub.Now(), []byte(j.name)); e != nil {
		refuse(j.m, e)
		return false
	}
	return j.recorded.begin(g)
}

func (j *recordedBlock) contents() [][]byte { return [][]byte{[]byte(j.name)} }

func (j *recordedBlock) abandon(e *pluginv1.Error) { refuse(j.m, e) }

func (j *recordedBlock) finish(g *generation) {
	j.q.suspects.clear([]byte(j.name))
	j.recorded.finish(g)
}

// queueOf makes a queue whose jobs are named by the block that a test asks to reject.
func queueOf(t *testing.T, started bool, fails map[string]error) (*fixture, *queue, *[]string) {
	f := newFixture(t)
	q := &queue{sub: f.sub, life: f.life, limits: f.life.limits}
	log := &[]string{}
	f.handle = func(m *subsystem.Message) {
		name := string(m.Body.(*pluginv1.RejectBlockRequest).GetBlockId())
		j := &recorded{m: m, name: name, log: log, err: fails[name]}
		if strings.HasPrefix(name, "block") {
			q.add(m, &recordedBlock{recorded: j, q: q})
			return
		}
		q.add(m, j)
	}
	f.onUp = q.pump
	if started {
		f.life.start()
		f.Step()
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
	f.life.start()
	f.Step()
	f.Step()
	want := []string{"begin a 1", "finish a", "begin b 1", "finish b", "begin c 1", "finish c"}
	if !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
}

func errorOf(t *testing.T, a *overseertest.Answer) *pluginv1.Error {
	t.Helper()
	return overseertest.Must[*pluginv1.RejectBlockResponse](t, a).GetError()
}

var gone = status.Error(codes.Unavailable, "gone")

func TestACallThatAPluginDiesOnComesAgainAfterThoseBehindItAndIsGivenUpAfterTwo(t *testing.T) {
	f, _, log := queueOf(t, false, map[string]error{"bad": gone})
	bad, good := f.reject("bad"), f.reject("good")
	f.life.start()
	f.Step()
	f.Advance(time.Second)
	want := []string{"begin bad 1", "begin good 2", "finish good", "begin bad 2"}
	if !slices.Equal(*log, want) {
		t.Errorf("%v, want %v", *log, want)
	}
	if e := errorOf(t, bad); e.GetUnavailable() == nil {
		t.Errorf("the call that two plugins died on: %v", e)
	}
	if e := errorOf(t, good); e != nil {
		t.Error(e)
	}
}

func TestABlockThatAPluginDiesOnIsAnsweredAtOnceAndHeldBackForLongerEachTime(t *testing.T) {
	fails := map[string]error{"block": gone}
	f, q, _ := queueOf(t, true, fails)
	reason := func() string {
		t.Helper()
		a := f.reject("block")
		f.Step()
		return errorOf(t, a).GetInternal().GetReason()
	}
	for _, held := range []time.Duration{pause.Least, time.Second, 4 * time.Second, 16 * time.Second, pause.Most,
		pause.Most} {
		if why := reason(); !strings.Contains(why, "gone") {
			t.Fatalf("a plugin died on it, and it is answered with %q", why)
		}
		f.Advance(held - time.Millisecond)
		if why := reason(); !strings.Contains(why, "isn't shown again for 1ms") {
			t.Fatalf("just before a pause of %v is over: %q", held, why)
		}
		other := f.reject("block of another")
		f.Step()
		if e := errorOf(t, other); e != nil {
			t.Fatalf("another block meanwhile: %v", e)
		}
		f.Advance(time.Millisecond)
	}
	delete(fails, "block")
	for range 2 {
		if why := reason(); why != "" || len(q.suspects.known) != 0 {
			t.Fatalf("a plugin has lived through it: %q", why)
		}
	}
}

func TestDeathsThatABlockIsBlamedForOpenNoBreaker(t *testing.T) {
	fails := make(map[string]error)
	f, _, _ := queueOf(t, true, fails)
	for i := range 20 {
		name := fmt.Sprint("block ", i)
		fails[name] = gone
		f.reject(name)
		f.Advance(mostBlamed * 3 / 2)
	}
	if f.life.gen == nil || f.life.state != supervise.Running {
		t.Fatalf("after twenty blocks on which a plugin died: %v, %s", f.life.state, f.life.cause)
	}
}

// What an operator ends was not the fault of what was under way.
func TestNoBlockIsBlamedForAnOperatorsRestart(t *testing.T) {
	f, q, log := queueOf(t, true, nil)
	q.suspects.blame(f.Runtime.Now(), 0, [][]byte{[]byte("block")}, "an old story")
	q.suspects.reset()
	g := f.life.gen
	f.life.restart("as ordered")
	j := &queued{job: &recordedBlock{recorded: &recorded{}},
		asked: []*subsystem.Message{{Body: &pluginv1.RejectBlockRequest{}}}, attempts: 1}
	g.judging = true
	q.broke(g, j, time.Second, gone)
	if len(q.jobs) != 1 || q.jobs[0] != j || j.attempts != 0 || len(q.suspects.known) != 0 {
		t.Errorf("%d jobs wait, %d attempts count, %d blocks are suspects; %v", len(q.jobs), j.attempts,
			len(q.suspects.known), *log)
	}
}

func TestSuspectsAreBounded(t *testing.T) {
	var s suspects
	for i := range maxSuspects + 10 {
		s.blame(time.Time{}, 0, [][]byte{fmt.Append(nil, i)}, "died")
		s.blame(time.Time{}, 0, [][]byte{fmt.Append(nil, i)}, "died again")
	}
	if len(s.known) != maxSuspects || len(s.order) != maxSuspects {
		t.Errorf("%d are remembered, %d in order", len(s.known), len(s.order))
	}
	if s.refusal(time.Time{}, []byte("0")) != nil || s.refusal(time.Time{}, fmt.Append(nil, maxSuspects)) == nil {
		t.Error("it isn't the oldest that is forgotten")
	}
	s.clear(fmt.Append(nil, maxSuspects))
	if len(s.known) != maxSuspects-1 || len(s.order) != maxSuspects-1 {
		t.Errorf("%d are remembered, %d in order, after one was cleared", len(s.known), len(s.order))
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
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, a).GetError(); e.GetUnavailable() == nil ||
		len(q.jobs) != 1 || len(*log) != 0 {
		t.Errorf("%v; %d wait", e, len(q.jobs))
	}
}

func TestTooManyCallsAreRefused(t *testing.T) {
	f, q, _ := queueOf(t, false, nil)
	q.limits.Queue = 2
	f.reject("a")
	f.reject("b")
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t, f.reject("c")).GetError(); e.GetBusy() == nil ||
		len(q.jobs) != 2 {
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

// A plugin that doesn't know a block that it has verified is told of it anew.
func TestABlockThatThePluginHasLostIsVerifiedAnew(t *testing.T) {
	f, q, _ := queueOf(t, true, nil)
	id := primitives.Hash{1}
	b := &blocks{sub: f.sub, queue: q, processing: map[primitives.Hash]*undecided{id: {}}}
	f.handle = func(m *subsystem.Message) {
		a := &acceptance{m: m, entry: &chainstore.Entry{VMBlock: id}, failure: notFound()}
		(&acceptJob{b: b, due: []*acceptance{a}}).finish(nil)
	}
	f.reject("any")
	if len(b.processing) != 0 {
		t.Error("it is taken for verified still")
	}
}
