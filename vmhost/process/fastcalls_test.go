package process

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/launch"
)

// initialized is a kvvm process that was told what the host can do.
func initialized(t *testing.T, capabilities []string) (*Plugin, pluginv1.VMServiceClient) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	db := remote.NewService(memdb.New().Open())
	launched, err := Launcher{Path: self, Env: []string{"TEST_PLUGIN=kvvm"}, RunDir: t.TempDir()}.Launch(launch.Request{
		Services: func(r grpc.ServiceRegistrar) { pluginv1.RegisterDatabaseServiceServer(r, db) },
		OnExit:   func(error) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(launched.Kill)
	p := launched.(*Plugin)
	vm := pluginv1.NewVMServiceClient(p.Conn())
	address, token, runDir := p.Host()
	a, err := vm.Initialize(t.Context(), &pluginv1.InitializeRequest{
		ChainId: make([]byte, 32), NodeId: make([]byte, 32), HostAddress: address, HostToken: token,
		RunDir: runDir, HostCapabilities: capabilities,
	})
	if err != nil || a.GetError() != nil {
		t.Fatal(a.GetError(), err)
	}
	return p, vm
}

func nothingToBuild(ctx context.Context, vm pluginv1.VMServiceClient) error {
	a, err := vm.BuildBlock(ctx, &pluginv1.BuildBlockRequest{Context: &pluginv1.BuildContext{}})
	if err == nil && a.GetError().GetNothingToBuild() == nil {
		err = status.Errorf(codes.Unknown, "%v", a)
	}
	return err
}

func TestBlockCallsGoOverALine(t *testing.T) {
	p, vm := initialized(t, []string{"fast_calls"})
	for end := time.Now().Add(10 * time.Second); p.fast.Blocks.Free() == 0; {
		if time.Now().After(end) {
			t.Fatal("the plugin opened no channel")
		}
		if err := nothingToBuild(t.Context(), vm); err != nil { // the usual way, until there is a channel
			t.Fatal(err)
		}
	}
	p.conn.Close()
	if err := nothingToBuild(t.Context(), vm); err != nil {
		t.Fatalf("without the usual way: %v", err)
	}
	if _, err := vm.Ping(t.Context(), &pluginv1.PingRequest{}); err == nil {
		t.Fatal("a ping was a fast call")
	}
	p.Kill()
	switch err := nothingToBuild(t.Context(), vm); status.Code(err) {
	case codes.Unavailable: // the channel has ended
	case codes.Canceled: // there is no channel any more, and the usual way was closed above
	default:
		t.Fatalf("after the plugin's end: %v", err)
	}
}

func TestAHostWithoutLinesGetsNone(t *testing.T) {
	p, vm := initialized(t, nil)
	if err := nothingToBuild(t.Context(), vm); err != nil {
		t.Fatal(err)
	}
	if n := p.fast.Blocks.Free(); n != 0 {
		t.Fatalf("%d channels", n)
	}
}
