package fastcall_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/fastcall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is what is called, in both directions.
type service struct {
	pluginv1.UnimplementedDatabaseServiceServer
	pluginv1.UnimplementedVMServiceServer
	get   func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error)
	build func(ctx context.Context) (*pluginv1.BuildBlockResponse, error)
}

func (s *service) GetBatch(ctx context.Context, r *pluginv1.GetBatchRequest) (*pluginv1.GetBatchResponse, error) {
	return s.get(ctx, r.GetKeys())
}

func (s *service) BuildBlock(ctx context.Context, _ *pluginv1.BuildBlockRequest) (*pluginv1.BuildBlockResponse, error) {
	return s.build(ctx)
}

// echo answers each key with itself.
func echo(_ context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
	out := &pluginv1.GetBatchResponse{}
	for _, key := range keys {
		out.Values = append(out.Values, &pluginv1.Value{Found: true, Value: key})
	}
	return out, nil
}

// noChannel is the usual way where none is expected.
type noChannel struct{ grpc.ClientConnInterface }

var errUsual = errors.New("the call went the usual way")

func (noChannel) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return errUsual }

// host serves channels on a socket with a grpc-go server beside them.
func host(t *testing.T, s *service) (*fastcall.Server, fastcall.Dialer) {
	t.Helper()
	dir, err := os.MkdirTemp("", "fastcall")
	if err != nil {
		t.Fatal(err)
	}
	at, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := fastcall.NewServer("secret", intercept.Chain{}, grpcx.Server{}.StreamInterceptor())
	pluginv1.RegisterDatabaseServiceServer(&server.Services, s)
	others := grpc.NewServer()
	pluginv1.RegisterDatabaseServiceServer(others, s)
	server.Serve(at, others)
	t.Cleanup(func() {
		server.Close()
		others.Stop()
		os.RemoveAll(dir)
	})
	return server, fastcall.Dialer{Target: "unix:" + at.Addr().String(), Token: "secret"}
}

// asker is a plugin's connection to the host, over at most so many channels.
func asker(t *testing.T, d fastcall.Dialer, most int) pluginv1.DatabaseServiceClient {
	pool := &fastcall.Pool{Open: func() (*fastcall.Channel, error) { return d.Ask(t.Context()) }, Most: most}
	t.Cleanup(pool.Close)
	return pluginv1.NewDatabaseServiceClient(&fastcall.Conn{ClientConnInterface: noChannel{},
		For: func(string) *fastcall.Pool { return pool }})
}

func get(ctx context.Context, c pluginv1.DatabaseServiceClient, key string) (string, error) {
	a, err := c.GetBatch(ctx, &pluginv1.GetBatchRequest{Keys: [][]byte{[]byte(key)}})
	if err != nil {
		return "", err
	}
	return string(a.GetValues()[0].GetValue()), nil
}

func TestCallsOfEverySizeComeBack(t *testing.T) {
	_, dialer := host(t, &service{get: echo})
	c := asker(t, dialer, 1)
	for _, size := range []int{0, 1, 100, 20_000, 100_000, 5 << 20} {
		key := strings.Repeat("k", size)
		if got, err := get(t.Context(), c, key); err != nil || got != key {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

func TestAStatusCrossesAChannelWhichStaysWhole(t *testing.T) {
	_, dialer := host(t, &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		if string(keys[0]) == "full" {
			return nil, status.Error(codes.ResourceExhausted, "99 % are used")
		}
		return echo(ctx, keys)
	}})
	c := asker(t, dialer, 1)
	for range 2 {
		if _, err := get(t.Context(), c, "full"); status.Code(err) != codes.ResourceExhausted ||
			status.Convert(err).Message() != "99 % are used" {
			t.Fatal(err)
		}
	}
	if got, err := get(t.Context(), c, "a"); err != nil || got != "a" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestWhatIsTooLargeIsRefusedAndTheChannelStaysWhole(t *testing.T) {
	_, dialer := host(t, &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		if string(keys[0]) == "much" {
			return &pluginv1.GetBatchResponse{Values: []*pluginv1.Value{{Value: make([]byte, fastcall.MaxBody)}}}, nil
		}
		return echo(ctx, keys)
	}})
	c := asker(t, dialer, 1)
	if _, err := get(t.Context(), c, "much"); status.Code(err) != codes.ResourceExhausted {
		t.Fatal(err)
	}
	if _, err := get(t.Context(), c,
		strings.Repeat("k", fastcall.MaxBody)); status.Code(err) != codes.ResourceExhausted {
		t.Fatal(err)
	}
	if _, err := get(t.Context(), c, "a"); err != nil {
		t.Fatal(err)
	}
}

// An empty key takes two bytes on the wire and more than ten times that here.
func TestAMessageOfEmptyElementsIsRefusedAndTheChannelStaysWhole(t *testing.T) {
	_, dialer := host(t, &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		if len(keys) > 1 {
			t.Errorf("%d keys got through", len(keys))
		}
		return echo(ctx, keys)
	}})
	c := asker(t, dialer, 1)
	if _, err := c.GetBatch(t.Context(), &pluginv1.GetBatchRequest{Keys: make([][]byte, 4<<20)}); err == nil {
		t.Error("four million keys were read")
	}
	if got, err := get(t.Context(), c, "a"); err != nil || got != "a" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestCallsAtTheSameTimeTakeSeveralChannelsAndThenTheUsualWay(t *testing.T) {
	var inside sync.WaitGroup
	inside.Add(2)
	release := make(chan struct{})
	_, dialer := host(t, &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		inside.Done()
		<-release
		return echo(ctx, keys)
	}})
	c := asker(t, dialer, 2)
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			if got, err := get(t.Context(), c, "a"); err != nil || got != "a" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	inside.Wait()
	if _, err := get(t.Context(), c, "a"); !errors.Is(err, errUsual) {
		t.Errorf("a third call: %v", err)
	}
	close(release)
	calls.Wait()
}

func TestACallThatIsGivenUpEndsItsChannelAndNoOther(t *testing.T) {
	release := make(chan struct{})
	s := &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		if string(keys[0]) == "slow" {
			<-release
		}
		return echo(ctx, keys)
	}}
	_, dialer := host(t, s)
	c := asker(t, dialer, 1)
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := get(ctx, c, "slow"); status.Code(err) != codes.DeadlineExceeded {
		t.Fatal(err)
	}
	if got, err := get(t.Context(), c, "a"); err != nil || got != "a" {
		t.Fatalf("afterwards: %q, %v", got, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := get(gone, c, "a"); status.Code(err) != codes.Canceled {
		t.Fatal(err)
	}
}

func TestWithoutTheTokenThereIsNoChannel(t *testing.T) {
	_, dialer := host(t, &service{get: echo})
	dialer.Token = "guess"
	if _, err := dialer.Ask(t.Context()); status.Code(errors.Unwrap(err)) != codes.Unauthenticated {
		t.Fatal(err)
	}
}

func TestAPanicInTheHostIsTheCallsError(t *testing.T) {
	_, dialer := host(t, &service{get: func(ctx context.Context, keys [][]byte) (*pluginv1.GetBatchResponse, error) {
		if string(keys[0]) == "panic" {
			panic("as ordered")
		}
		return echo(ctx, keys)
	}})
	c := asker(t, dialer, 1)
	if _, err := get(t.Context(), c, "panic"); status.Code(err) != codes.Internal ||
		strings.Contains(err.Error(), "ordered") {
		t.Fatal(err)
	}
	if _, err := get(t.Context(), c, "a"); err != nil {
		t.Fatal(err)
	}
}

// vmOn is the host's connection to the plugin, once the host has taken the channel into use: it does so when it has
// told the plugin.
func vmOn(t *testing.T, server *fastcall.Server) pluginv1.VMServiceClient {
	vm := pluginv1.NewVMServiceClient(&fastcall.Conn{ClientConnInterface: noChannel{},
		For: func(string) *fastcall.Pool { return &server.Blocks }})
	for {
		_, err := vm.Describe(t.Context(), &pluginv1.DescribeRequest{})
		if status.Code(err) == codes.Unimplemented {
			return vm
		}
		if !errors.Is(err, errUsual) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

func TestTheHostAsksOnAChannelThatThePluginOpened(t *testing.T) {
	server, dialer := host(t, &service{get: echo})
	plugin := &service{build: func(ctx context.Context) (*pluginv1.BuildBlockResponse, error) {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left <= 0 || left > time.Minute {
			t.Errorf("%v are left", left)
		}
		return &pluginv1.BuildBlockResponse{Block: &pluginv1.Block{Height: 7,
			Content: []byte(trace.SpanContextFromContext(ctx).TraceID().String())}}, nil
	}}
	services := &fastcall.Services{}
	services.Around = intercept.Chain{}.Served()
	pluginv1.RegisterVMServiceServer(services, plugin)
	if err := dialer.Answer(t.Context(), pluginv1.ChannelUse_CHANNEL_USE_BLOCKS, services); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := strings.Repeat("ab", 16)
	ctx = intercept.Continue(ctx, "00-"+id+"-"+strings.Repeat("cd", 8)+"-01")
	vm := vmOn(t, server)
	for range 3 {
		a, err := vm.BuildBlock(ctx, &pluginv1.BuildBlockRequest{})
		if err != nil || a.GetBlock().GetHeight() != 7 || string(a.GetBlock().GetContent()) != id {
			t.Fatalf("%v, %v", a, err)
		}
	}
}

func TestAChannelWhoseOtherEndIsGoneFailsOneCallAsUnavailable(t *testing.T) {
	server, dialer := host(t, &service{get: echo})
	services := &fastcall.Services{}
	building, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	pluginv1.RegisterVMServiceServer(services,
		&service{build: func(context.Context) (*pluginv1.BuildBlockResponse, error) {
			close(building)
			<-release
			return nil, nil
		}})
	ctx, end := context.WithCancel(t.Context())
	if err := dialer.Answer(ctx, pluginv1.ChannelUse_CHANNEL_USE_BLOCKS, services); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-building
		end()
	}()
	vm := vmOn(t, server)
	if _, err := vm.BuildBlock(t.Context(), &pluginv1.BuildBlockRequest{}); status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
	if _, err := vm.BuildBlock(t.Context(), &pluginv1.BuildBlockRequest{}); !errors.Is(err, errUsual) {
		t.Fatal(err)
	}
}

func TestOtherCallsOnTheSocketAreServedTheUsualWay(t *testing.T) {
	_, dialer := host(t, &service{get: echo})
	conn, err := grpc.NewClient(dialer.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := get(t.Context(), pluginv1.NewDatabaseServiceClient(conn), "a"); err != nil || got != "a" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestAGRPCClientCanOpenAChannel(t *testing.T) {
	_, dialer := host(t, &service{get: echo})
	conn, err := grpc.NewClient(dialer.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := pluginv1.NewFastCallServiceClient(conn).OpenChannel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pluginv1.OpenChannelRequest{Token: "secret",
		Use: pluginv1.ChannelUse_CHANNEL_USE_HOST}); err != nil {
		t.Fatal(err)
	}
	if hello, err := stream.Recv(); err != nil || hello.GetCall() != nil || hello.GetAnswer() != nil {
		t.Fatalf("%v, %v", hello, err)
	}
	call := &pluginv1.FastCall{Method: pluginv1.DatabaseService_GetBatch_FullMethodName,
		Request: []byte{1<<3 | 2, 1, 'a'}}
	if err := stream.Send(&pluginv1.OpenChannelRequest{Call: call}); err != nil {
		t.Fatal(err)
	}
	a, err := stream.Recv()
	if err != nil || a.GetAnswer().GetCode() != 0 || !strings.HasSuffix(string(a.GetAnswer().GetResponse()), "a") {
		t.Fatalf("%v, %v", a, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

// The host goes on with its plugin, and what the plugin calls takes no way any more: that is said.
func TestAListenerOfCallsThatEndsByItselfIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said, log := io.Pipe()
	defer said.Close()
	server := fastcall.NewServer("secret", intercept.Chain{Log: slog.New(slog.NewTextHandler(log, nil))}, nil)
	others := grpc.NewServer()
	defer others.Stop()
	server.Serve(accepttest.Broken{Listener: l}, others)
	line, err := bufio.NewReader(said).ReadString('\n')
	cause := syscall.EBADF.Error()
	if err != nil || !strings.Contains(line, "aren't taken any more") || !strings.Contains(line, cause) {
		t.Errorf("%s, %v", line, err)
	}
}
