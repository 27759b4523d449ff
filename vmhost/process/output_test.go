package process_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
)

// chatty is a VM that writes in every form when it is asked for its health, and answers when all of it is written.
type chatty struct{ kvvm.VM }

func (c *chatty) HealthCheck(context.Context) error {
	for _, fd := range []int{1, 2} {
		writeAll(fd, strings.Repeat("u", 70_000)) // as a C library does: without a line's end
		writeAll(fd, "\n"+strings.Repeat("l", 3<<20)+"\n")
		writeAll(fd, strings.Repeat(strings.Repeat("s", 1023)+"\n", 4_000))
	}
	fmt.Println("printed by Go")
	fmt.Fprintln(os.Stderr, "and this to standard error")
	fmt.Print(strings.Repeat("p", 200_000))
	return nil
}

func writeAll(fd int, text string) {
	for b := []byte(text); len(b) > 0; {
		n, err := syscall.Write(fd, b)
		if err != nil {
			os.Exit(9)
		}
		b = b[n:]
	}
}

// sizes counts the bytes of a log and remembers its shortest records.
type sizes struct {
	slog.Handler
	bytes   atomic.Int64
	records records
}

func (s *sizes) Enabled(context.Context, slog.Level) bool { return true }

func (s *sizes) Handle(ctx context.Context, r slog.Record) error {
	s.bytes.Add(int64(len(r.Message)))
	if len(r.Message) < 200 {
		return s.records.Handle(ctx, r)
	}
	return nil
}

func healthy(t *testing.T, p launch.Plugin) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(ctx, &pluginv1.HealthCheckRequest{})
	if err != nil || !answer.GetHealthy() {
		t.Fatalf("%v, %v", answer, err)
	}
}

func TestWhateverAPluginWritesItIsNeverHeldUpAndTheLogStaysSmall(t *testing.T) {
	log := &sizes{Handler: slog.DiscardHandler, records: newRecords()}
	p, _ := running(t, launcher(t, "chatty"), slog.New(log))
	began := time.Now()
	for range 3 {
		healthy(t, p)
	}
	log.records.find(t, "lines left out")
	// 43 MB were written by now.
	most := int64(2*loggedAtOnce) + int64(time.Since(began).Seconds()+1)*loggedPerS
	if got := log.bytes.Load(); got == 0 || got > most {
		t.Errorf("%d bytes are in the log, at most %d were expected", got, most)
	}
}

// What the log takes, as output.go says it.
const (
	loggedPerS   = 32 << 10
	loggedAtOnce = 512 << 10
)

func TestWhatAPluginPrintsByWayOfGoIsLogged(t *testing.T) {
	for _, text := range []string{"printed by Go", "and this to standard error"} {
		got := newRecords()
		p, _ := running(t, launcher(t, "printing"), slog.New(got))
		healthy(t, p)
		got.find(t, text)
	}
}

// printing is a VM that prints a little.
type printing struct{ kvvm.VM }

func (*printing) HealthCheck(context.Context) error {
	fmt.Println("printed by Go")
	fmt.Fprintln(os.Stderr, "and this to standard error")
	return nil
}
