package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

const patience = 30 * time.Second

// engine is the part of the engine that the host sees.
type engine struct{ sub *subsystem.Sub }

func (engine) Signal(*overseerv1.Signal) {}

// Handle passes over what the VM tells: the rounds know when there is something to build.
func (engine) Handle(m *subsystem.Message) {
	if _, ok := m.Body.(*enginev1.Notify); !ok {
		m.Unknown()
	}
}

func engineSpec(ready func(*subsystem.Sub)) subsystem.Spec {
	return subsystem.Spec{
		Name: "engine",
		Asks: []proto.Message{
			(*pluginv1.SetStateRequest)(nil), (*vmv1.LastAccepted)(nil), (*pluginv1.BuildBlockRequest)(nil),
			(*pluginv1.VerifyBlockRequest)(nil), (*pluginv1.SetPreferenceRequest)(nil), (*vmv1.AcceptBlock)(nil),
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			ready(sub)
			return engine{sub}, nil
		},
	}
}

// ask asks from outside the loop and waits.
func ask[R proto.Message](sub *subsystem.Sub, request proto.Message) (answer R, err error) {
	done := make(chan struct{})
	sub.Post(func() {
		subsystem.Ask(sub, request, patience, func(a R, e error) {
			answer, err = a, e
			close(done)
		})
	})
	<-done
	return answer, err
}

// session is the engine's process.
type session struct {
	at      place
	plugin  string
	socket  net.Conn // to the echo
	sub     *subsystem.Sub
	stores  *stores
	client  *http.Client
	account *account
	height  uint64
}

type account struct {
	key   []byte
	nonce uint64
}

// playEngine starts overseer, host and store, and plays orders until the input ends.
func playEngine(ctx context.Context, self []string, at place, plugin string, in io.Reader, out io.Writer) error {
	fleet := rounds.NewFleet(self...)
	defer fleet.Stop()
	for _, role := range [][]string{{"overseer", at.bus()}, {roleHost, string(at), plugin},
		{roleDatabase, string(at), plugin}} {
		if _, err := fleet.Start(role...); err != nil {
			return err
		}
	}
	stores, err := openStores(at)
	if err != nil {
		return err
	}
	socket, err := net.Dial("unix", at.bare())
	if err != nil {
		return err
	}
	defer socket.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, ended := make(chan *subsystem.Sub, 1), make(chan error, 1)
	go func() {
		ended <- subsystem.Run(ctx, engineSpec(func(sub *subsystem.Sub) { ready <- sub }), at.options())
	}()
	s := &session{at: at, plugin: plugin, socket: socket, stores: stores, client: overUnix(at.http()),
		account: &account{key: kv.NewAccount()}}
	select {
	case s.sub = <-ready:
	case err := <-ended:
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	return rounds.Serve(in, out, s.play)
}

// overUnix is an HTTP client of the host's socket.
func overUnix(socket string) *http.Client {
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn,
		error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}}
}

// begin brings the VM to normal operation.
func (s *session) begin() error {
	a, err := ask[*pluginv1.SetStateResponse](s.sub,
		&pluginv1.SetStateRequest{State: pluginv1.ChainState_CHAIN_STATE_NORMAL_OPERATION})
	if err != nil {
		return err
	}
	return refusal(a.GetError())
}

func refusal(e *pluginv1.Error) error {
	if e == nil {
		return nil
	}
	return fmt.Errorf("the VM refuses: %v", e)
}

func (s *session) play(order rounds.Order) rounds.Result {
	switch order.Op {
	case "local":
		return reads(s.stores.local, order)
	case "uncached":
		return reads(s.stores.uncached, order)
	case "many":
		return many(s.stores.uncached, order)
	case "bare":
		return timed(order, took(s.trip))
	case "least", "commit":
		return s.least(order)
	case "start":
		return s.starts(order)
	case "cached":
		return reads(s.stores.cached, order)
	case "block", "build", "verify", "prefer", "accept":
		return s.blocks(order)
	case "ask":
		return timed(order, took(s.lastAccepted))
	}
	return rounds.Result{Op: order.Op, Error: "unknown operation"}
}

// took times an operation.
func took(operation func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		began := time.Now()
		err := operation()
		return time.Since(began), err
	}
}

// timed repeats an operation that says how long it took.
func timed(order rounds.Order, operation func() (time.Duration, error)) rounds.Result {
	times := hdrhistogram.New(1, time.Minute.Nanoseconds(), 3)
	for range order.N {
		took, err := operation()
		if err != nil {
			return rounds.Result{Op: order.Op, Error: err.Error()}
		}
		_ = times.RecordValue(took.Nanoseconds())
	}
	return rounds.Result{Op: order.Op, N: order.N, P50: float64(times.ValueAtQuantile(50)),
		P99: float64(times.ValueAtQuantile(99))}
}

// post gives the VM one transaction, which isn't timed.
func (s *session) post() error {
	key := []byte(fmt.Sprintf("bench%08d", s.account.nonce))
	tx := kvvm.NewTx(chainID, s.account.key, s.account.nonce, kvvm.Put, key, make([]byte, 64))
	s.account.nonce++
	r, err := s.client.Post("http://vm/ext/bc/"+chainName+"/tx", "application/octet-stream",
		bytes.NewReader(tx.Bytes()))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		var problem struct{ Error string }
		_ = json.NewDecoder(r.Body).Decode(&problem)
		return fmt.Errorf("post: %s: %s", r.Status, problem.Error)
	}
	_, err = io.Copy(io.Discard, r.Body) // so that the connection is used again
	return err
}

// buildContext is what a proposer gives the VM: itself and a time that grows.
func (s *session) buildContext() *pluginv1.BuildContext {
	s.height++
	return &pluginv1.BuildContext{Proposer: make([]byte, len(primitives.NodeID{})),
		Time: timestamppb.New(time.Unix(2_000_000_000+int64(s.height), 0))}
}
