package killtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/process/datadir"
)

// producer is the process of the example parachain's block producer at a node. It is started again when it ends, as a
// team would have it.
type producer struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu     sync.Mutex
	cmd    *exec.Cmd
	starts int
}

// restartPause is the time between the end of a producer and the start of the next.
const restartPause = 100 * time.Millisecond

func produce(ctx context.Context, program string, net datadir.Network, node string) (*producer, error) {
	log, err := os.OpenFile(filepath.Join(net.Dir, "producer.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &producer{cancel: cancel}
	p.ended.Go(func() {
		defer log.Close()
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, program, "para", "collate", "--node", node, "--data-dir", net.Dir,
				"--listen", "127.0.0.1:0")
			cmd.Stdout, cmd.Stderr = log, log
			if err := p.run(cmd); err != nil {
				fmt.Fprintln(log, "the producer:", err)
			}
			_ = pause(ctx, restartPause)
		}
	})
	return p, nil
}

func (p *producer) run(cmd *exec.Cmd) error {
	p.mu.Lock()
	err := cmd.Start()
	p.cmd = cmd
	p.starts++
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// pid is that of the one that runs, or ran last, and how many have been started.
func (p *producer) pid() (pid, starts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.Process == nil {
		return 0, p.starts
	}
	return p.cmd.Process.Pid, p.starts
}

func (p *producer) stop() {
	p.cancel()
	p.ended.Wait()
}
