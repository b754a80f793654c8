package web

// SelectionPage are the props of the page with the names of workflows in forms to
// paste elsewhere.
type SelectionPage struct {
	Frame
	Notes       []Note
	Total       int64 // workflows that match the query
	Shown       int64 // workflows on this page
	Line        string
	List        string // address of the list
	Names, JSON string // one a line; as a JSON list
	Export      Export
	NamesOnly   string // address of a file with all names
	System      string // the system that Links lead to
	Links       []Link
}
