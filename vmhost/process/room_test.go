package process_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/store/usage"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
)

// filling is the plugin's variable for how it fills the disk.
const filling = "TEST_FILLING"

// greedy is a VM that writes until it is ended, once it is asked how it is.
type greedy struct {
	kvvm.VM
	unnamed []*os.File
}

func (g *greedy) HealthCheck(ctx context.Context) error {
	how, where, _ := strings.Cut(os.Getenv(filling), " ")
	if where == "" {
		where = os.TempDir()
	}
	for ctx.Err() == nil {
		if err := g.write(how, where); err != nil {
			return err
		}
	}
	return nil
}

// write writes a little more.
func (g *greedy) write(how, where string) error {
	switch how {
	case "deep":
		return os.MkdirAll(filepath.Join(where, strings.Repeat("d/", 70)), 0o700)
	case "many":
		return os.WriteFile(filepath.Join(where, rand.Text()), nil, 0o600)
	}
	f, err := os.OpenFile(filepath.Join(where, how), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(make([]byte, 64<<10)); err != nil {
		return err
	}
	if how == "one" {
		return f.Close()
	}
	g.unnamed = append(g.unnamed, f)
	return os.Remove(f.Name())
}

func TestAPluginThatFillsTheDiskIsEndedWithThatCauseAndLeavesNothing(t *testing.T) {
	elsewhere := t.TempDir()
	for _, c := range []struct{ how, says string }{
		{"one", "more than 2 MiB of files"}, {"unnamed", "more than 2 MiB of files"},
		{"many", "more than 500 files"}, {"deep", "deep"},
		{"one " + elsewhere, "more than 2 MiB of files"},
	} {
		t.Run(c.how, func(t *testing.T) {
			l := launcher(t, "greedy")
			l.Env = append(l.Env, filling+"="+c.how)
			l.Confine = &launch.Confine{Writable: []string{elsewhere}, Disk: usage.Limit{Bytes: 2 << 20, Entries: 500}}
			p, exited := running(t, l, quiet())
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			answer, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(ctx, &pluginv1.HealthCheckRequest{})
			if err == nil {
				t.Fatalf("it isn't ended, and says %v", answer)
			}
			cause := gone(t, exited, time.Minute).Error()
			if !strings.Contains(cause, c.says) || !strings.Contains(cause, "vm.max-disk-mib") {
				t.Errorf("the cause: %s", cause)
			}
			if left, err := os.ReadDir(l.RunDir); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

func TestAPluginWithinItsRoomLivesOn(t *testing.T) {
	l := launcher(t, "kvvm")
	l.Confine = &launch.Confine{Disk: usage.Limit{Bytes: 1 << 20, Entries: 100}}
	p, exited := running(t, l, quiet())
	if guard := p.Guard(); !strings.Contains(guard, "on the disk 1 MiB, 100 files") {
		t.Errorf("what protects from it: %s", guard)
	}
	select {
	case err := <-exited:
		t.Error(err)
	case <-time.After(time.Second): // it was looked at a few times
	}
	if err := ping(p); err != nil {
		t.Error(err)
	}
}
