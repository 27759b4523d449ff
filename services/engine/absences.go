package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Absences is told now and then how many of the last certificates lack a validator's vote.
type Absences func(validator primitives.NodeID, missing, certificates int)

// absences tells a port whose votes are missing, a while after there was another certificate.
type absences struct {
	sub  *subsystem.Sub
	core *driver
	set  *validators.Set
	tell Absences // nil: nobody wants to know
	due  bool
}

// absencesEvery is the shortest time between two tellings.
const absencesEvery = time.Second

// changed: there is one more certificate.
func (a *absences) changed() {
	if a.tell == nil || a.due {
		return
	}
	a.due = true
	a.sub.After(absencesEvery, func() {
		a.due = false
		by, certificates := a.core.core.Absences()
		for i, missing := range by {
			a.tell(a.set.Node(i), missing, certificates)
		}
	})
}

// countAbsences is the port that shows them to Prometheus; nil when nobody looks.
func countAbsences(n part.Node) (Absences, error) {
	if n.Metrics == nil {
		return nil, nil
	}
	missing := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reeve_engine_absences", Help: "How many of the last certificates lack the validator's vote.",
	}, []string{"validator"})
	all := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "reeve_engine_absences_certificates", Help: "Of how many of the last certificates absences are counted.",
	})
	if err := n.Metrics.Register(missing); err != nil {
		return nil, err
	}
	return func(node primitives.NodeID, absent, certificates int) {
		v, _ := n.Genesis.Validator(node) // the set is the genesis's
		missing.WithLabelValues(v.Name).Set(float64(absent))
		all.Set(float64(certificates))
	}, n.Metrics.Register(all)
}
