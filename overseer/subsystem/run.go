package subsystem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// EnvInstance is the variable that holds the process' name in the node.
const EnvInstance = "REEVE_INSTANCE"

// Options say where a subsystem's overseer is and how it introduces itself.
type Options struct {
	// Address of the overseer: "unix:/path/bus.sock", or "host:port" with TLS.
	Address string
	// TLS is the client's side of mTLS between machines; nil on a unix socket.
	TLS *tls.Config
	// Carrier on a unix socket: "fast" or "grpc"; empty: what REEVE_BUS_CARRIER says, and "fast" if that says nothing.
	Carrier string
	// Token is the secret of the subsystem's role.
	Token []byte
	// Chain is the chain that the instance serves, of a subsystem per chain.
	Chain string
	// Instance is the process' name in the node; empty: the subsystem's.
	Instance string
	// Log is where the subsystem logs; nil: slog's default.
	Log *slog.Logger
	// Tracer opens spans when there is somewhere to send them; nil: tracing is inert.
	Tracer trace.Tracer
	// Sampling is the share of blocks and candidates whose way is traced, 0 to 1.
	Sampling float64
	// Metrics, when set, is told of the subsystem's metrics.
	Metrics prometheus.Registerer
	// Blobs is the directory of the node's blob store, which its processes share; empty: this process has none.
	Blobs string
	// OnAttached is called each time the overseer has welcomed the instance.
	OnAttached func()
}

// Run attaches a subsystem and runs it until ctx ends, the overseer concludes it, or it fails. The loss of the overseer
// is no failure: Run attaches again for as long as it takes. A refusal (a wrong token, an undeclared edge, a cycle, a
// second signer) is one, with the overseer's sentence.
func Run(ctx context.Context, spec Spec, opt Options) error {
	log := opt.Log
	if log == nil {
		log = slog.Default()
	}
	cfg := driver.Config{
		Chain: opt.Chain, Runtime: driver.RealRuntime(), Log: log, Tracer: opt.Tracer, Sampling: opt.Sampling,
	}
	d, err := dial(opt)
	if err == nil && opt.Blobs != "" {
		cfg.Blobs, err = driver.OpenBlobs(opt.Blobs)
	}
	if err != nil {
		return err
	}
	p := &process{name: spec.Name, dialer: d, log: log, opt: opt, machine: driver.New(spec.Program(), cfg)}
	if opt.Metrics != nil {
		if err := opt.Metrics.Register(p.machine.Metrics()); err != nil {
			return fmt.Errorf("%s: metrics: %w", spec.Name, err)
		}
	}
	return p.supervise(ctx)
}

// process is a subsystem that runs: its machine, and what keeps it attached.
type process struct {
	name    string
	machine *driver.Machine
	dialer  *dialer
	log     *slog.Logger
	opt     Options
}

// stopGrace is how long a subsystem may take to put itself away when it is told to stop.
const stopGrace = 5 * time.Second

// supervise runs the machine and keeps it attached.
func (p *process) supervise(ctx context.Context) error {
	stop := make(chan struct{})
	var runner sync.WaitGroup
	runner.Go(func() { p.machine.Run(stop) })
	attachCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	attaching := make(chan error, 1)
	go func() { attaching <- p.keepAttached(attachCtx) }()

	var err error
	select {
	case <-ctx.Done():
		err = p.conclude()
	case <-p.machine.Done():
		_, err = p.machine.Ended()
	case err = <-attaching:
		attaching <- nil
	case verdict := <-p.dialer.verdict:
		return refusal(p.name, verdict) // what hangs isn't waited for
	}
	p.dialer.drain()
	cancel()
	if last := <-attaching; err == nil {
		err = last
	}
	close(stop)
	if err == nil {
		runner.Wait()
	}
	return err
}

func (p *process) conclude() error {
	p.machine.Conclude()
	select {
	case <-p.machine.Done():
		_, err := p.machine.Ended()
		return err
	case <-time.After(stopGrace):
		return fmt.Errorf("%s did not stop within %v", p.name, stopGrace)
	}
}

// keepAttached attaches again and again; it returns when ctx ends or the overseer refuses.
func (p *process) keepAttached(ctx context.Context) error {
	wait := backoffMin
	for ctx.Err() == nil {
		began := time.Now()
		err := p.dialer.attach(ctx, p.machine, p.opt)
		if refused(err) {
			return refusal(p.name, err)
		}
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > time.Second {
			wait = backoffMin
		}
		if p.dialer.generation != 0 && !p.machine.Live() {
			wait = standbyWait
		}
		p.log.Debug("not attached", "subsystem", p.name, "err", err, "again_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, backoffMax)
	}
	return nil //nolint:nilerr // to lose the overseer is no failure
}

// How long to wait before attaching again: the overseer is on the same machine, or close, and back soon. A warm standby
// gives the instance that was live, and has the state, time to be first.
const (
	backoffMin  = 5 * time.Millisecond
	backoffMax  = 250 * time.Millisecond
	standbyWait = time.Second
)

func refusal(name string, err error) error {
	return fmt.Errorf("the overseer refused %s: %s", name, status.Convert(err).Message())
}

func refused(err error) bool {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition, codes.InvalidArgument,
		codes.AlreadyExists, codes.Unimplemented:
		return true
	}
	return false
}

// Main runs one subsystem as a whole process, for authors of their own: it reads REEVE_BUS (address of the overseer),
// REEVE_TOKEN_FILE, REEVE_CHAIN, REEVE_INSTANCE and REEVE_BLOBS, and returns the exit code.
func Main(ctx context.Context, spec Spec) int {
	opt, err := optionsFromEnv()
	if err == nil {
		err = Run(ctx, spec, opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func optionsFromEnv() (Options, error) {
	opt := Options{
		Address: os.Getenv("REEVE_BUS"), Chain: os.Getenv("REEVE_CHAIN"), Instance: os.Getenv(EnvInstance),
		Blobs: os.Getenv("REEVE_BLOBS"),
	}
	if opt.Address == "" {
		return opt, errors.New("REEVE_BUS is not set: it is the overseer's address, as in unix:/run/reeve/bus.sock")
	}
	path := os.Getenv("REEVE_TOKEN_FILE")
	if path == "" {
		return opt, nil
	}
	token, err := datadir.ReadToken(path)
	if err != nil {
		return opt, fmt.Errorf("the role's token can't be used: %w", err)
	}
	opt.Token = token
	return opt, nil
}
