package chain

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
)

const quietFor = 2 * time.Second

// idle measures the network while nobody uses it: proportional set size of one validator in bytes, and the share of a
// core that all of them take together.
func (n *network) idle() (bytes, core float64) {
	var all []int
	for _, at := range n.nodes {
		all = append(all, at.pids...)
	}
	clocks := rounds.ClocksOf(all)
	before, began := rounds.TotalCPU(clocks), time.Now()
	time.Sleep(quietFor)
	core = float64(rounds.TotalCPU(clocks)-before) / float64(time.Since(began))
	for _, pid := range n.nodes[0].pids {
		bytes += proportionalSet(pid)
	}
	return bytes, core
}

// proportionalSet is a process's memory, pages that others share divided among them; 0 when it can't be read.
func proportionalSet(pid int) float64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			var kib float64
			_, _ = fmt.Sscan(text, &kib)
			return kib * 1024
		}
	}
	return 0
}
