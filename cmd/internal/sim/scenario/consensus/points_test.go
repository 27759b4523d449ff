package consensus

import (
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/vmhost"
)

// A process dies between any two messages that it handles, and between any two that it sends, one point after the
// other: all goes on. What the plain numbers of the messages leave out, seeds draw at random (the fault "point").
func TestAProcessMayDieBetweenAnyTwoMessages(t *testing.T) {
	most, step := simtest.Pick(400, 160, 100), simtest.Pick(1, 19, 33)
	for _, size := range []int{1, 2, 4} {
		for _, process := range []string{engine.Name, keystore.Name, vmhost.Name, sim.Overseer} {
			for _, sent := range []bool{false, true} {
				if sent && process == sim.Overseer {
					continue
				}
				t.Run(fmt.Sprintf("%s of %d sent=%v", process, size, sent), func(t *testing.T) {
					died := 0
					for after := 1; after <= most; after += step {
						p := sim.Point{Process: process, Sent: sent, After: after}
						cfg := sim.Config{Nodes: size, Calm: true, Duration: 3 * time.Second, Points: []sim.Point{p}}
						out := sim.Run(cfg, New(Config{tune: func(net *network) { net.equal(size) }}), 1)
						fails(t, out)
						if out.Faults["crashPoints"] == 0 {
							break // it doesn't say so much in its life
						}
						if died++; out.Progress["heights"] == 0 {
							t.Errorf("nothing was decided when it died after %d messages", after)
						}
						if t.Failed() {
							t.Fatalf("it died after %d messages", after)
						}
					}
					if t.Logf("it died at %d points", died); died == 0 {
						t.Error("it never died")
					}
				})
			}
		}
	}
}
