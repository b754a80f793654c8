package report

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func randomCounts(rng *rand.Rand) (c schema.JobCounts) {
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if rng.IntN(3) == 0 {
			v.Field(i).SetInt(rng.Int64N(1<<40) - 5)
		}
	}
	return c
}

func randomPart(rng *rand.Rand) schema.AgentReport {
	p := schema.AgentReport{
		Agent: "a" + string(rune('0'+rng.IntN(9))), Team: "production", AgentVersion: "2.3." + string(rune('0'+rng.IntN(9))),
		Counts: randomCounts(rng), JobsInWMBS: rng.Int64N(1000), JobsInQueue: rng.Int64N(1000) - 1,
		Sites: []schema.SiteReport{}, Outputs: []schema.OutputReport{}, Tasks: []uint64{},
		Skipped: rng.IntN(2) == 0, SkippedFiles: rng.Int64N(10),
	}
	for range rng.IntN(8) {
		p.Sites = append(p.Sites, schema.SiteReport{Site: "T2_CH_" + string(rune('A'+rng.IntN(20))), Counts: randomCounts(rng)})
	}
	for range rng.IntN(4) {
		p.Outputs = append(p.Outputs, schema.OutputReport{Dataset: "/a/b-é/RAW", Events: rng.Int64(), Lumis: -1, Bytes: rng.Int64()})
	}
	for range rng.IntN(4) {
		p.Tasks = append(p.Tasks, rng.Uint64())
	}
	return p
}

func TestUnpackReturnsThePackedReport(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	names := NewNames()
	var room Room
	for i := range 2000 {
		want := randomPart(rng)
		packed := names.Pack(&want)
		if i%100 == 0 {
			room.Recycle()
		}
		_, err := names.Unpack(packed, &room)
		require.NoError(t, err)
		got, err := names.Unpack(packed, []*Room{nil, &room}[i%2])
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, packed, names.Pack(&got))
		require.Equal(t, want.Agent, names.Agent(packed))
	}
}

func TestEveryCounterIsPacked(t *testing.T) {
	var c schema.JobCounts
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i) + 1)
	}
	names := NewNames()
	got, err := names.Unpack(names.Pack(&schema.AgentReport{Counts: c}), nil)
	require.NoError(t, err)
	require.Equal(t, c, got.Counts)
}

func FuzzUnpack(f *testing.F) {
	names := NewNames()
	p := randomPart(rand.New(rand.NewPCG(2, 2)))
	f.Add([]byte(names.Pack(&p)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := names.Unpack(Packed(data), nil)
		if err == nil {
			again, err := names.Unpack(names.Pack(&p), nil)
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
	})
}
