package join

// dueHeap holds the next time of each workflow. Outdated items stay until they
// come up.
type dueHeap []dueItem

type dueItem struct {
	due      int64
	workflow *workflow
}

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }

func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *dueHeap) Push(x any) {
	if item, ok := x.(dueItem); ok {
		*h = append(*h, item)
	}
}

func (h *dueHeap) Pop() any {
	old := *h
	item := old[len(old)-1]
	old[len(old)-1] = dueItem{}
	*h = old[:len(old)-1]
	return item
}
