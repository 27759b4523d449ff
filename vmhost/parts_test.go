package vmhost

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/launch"
)

// fixture is a loop with a life on it whose plugins do nothing, for the parts that a test adds.
type fixture struct {
	*overseertest.Overseer
	sub  *subsystem.Sub
	life *life
	// handle is what the test does with a message.
	handle func(m *subsystem.Message)
	// launched are all plugins, the last one newest; refuse makes launches fail.
	launched []*idle
	refuse   error
	tries    int
	// what the life tells.
	ups, downs int
	degraded   bool
	amends     int
	file       launch.File
	onUp       func()
}

// idle is a plugin that does nothing.
type idle struct {
	f     *fixture
	g     *generation
	alive bool
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{handle: func(*subsystem.Message) {}, onUp: func() {}}
	spec := Spec(Config{})
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		limits := Limits{}.withDefaults()
		f.sub = sub
		f.life = &life{sub: sub, chain: "kv", limits: limits, know: func() knowledge { return knowledge{} }, launch: f.launch,
			events: f}
		f.life.history.Policy, f.life.blamed.Policy = limits.restarts(), limits.blamed()
		return f, nil
	}
	f.Overseer = overseertest.Start(t, spec)
	return f
}

func (f *fixture) Signal(*overseerv1.Signal)   {}
func (f *fixture) Handle(m *subsystem.Message) { f.handle(m) }
func (f *fixture) Close()                      {}

func (f *fixture) stateChanged()      {}
func (f *fixture) up(*generation)     { f.ups++; f.onUp() }
func (f *fixture) down(degraded bool) { f.downs++; f.degraded = degraded }
func (f *fixture) exited(*generation) {}
func (f *fixture) ended(*replayError) {}
func (f *fixture) mended()            { f.amends++ }

func (f *fixture) launch(number uint64, _ knowledge) (*generation, error) {
	f.tries++
	if f.refuse != nil {
		return nil, f.refuse
	}
	p := &idle{f: f, alive: true}
	p.g = &generation{number: number, plugin: p, outcomes: newOutcomes(), about: &pluginv1.DescribeResponse{}}
	f.launched = append(f.launched, p)
	return p.g, nil
}

// alive are the plugins that haven't ended.
func (f *fixture) alive() (n int) {
	for _, p := range f.launched {
		if p.alive {
			n++
		}
	}
	return n
}

func (p *idle) Conn() grpc.ClientConnInterface        { return nil }
func (p *idle) PID() int                              { return 0 }
func (p *idle) Host() (address, token, runDir string) { return "", "", "" }
func (p *idle) File() launch.File                     { return p.f.file }
func (p *idle) Sockets() []string                     { return nil }
func (p *idle) Guard() string                         { return "" }
func (p *idle) Dump()                                 {}
func (p *idle) Stop(time.Duration)                    { p.end(nil) }
func (p *idle) Kill()                                 { p.end(errors.New("killed")) }

func (p *idle) end(cause error) {
	if p.alive {
		p.alive = false
		p.f.sub.Post(func() { p.f.life.exited(p.g, cause) })
	}
}

func TestWhatAPluginSaysOfAPeerIsClipped(t *testing.T) {
	if got := clip("x"+strings.Repeat("é", 1000), mostReason); len(got) > mostReason+2 || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
