using System;
using System.Collections.Generic;
using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>A whole story, read from JSON and checked once, so that a slip of the pen is found at the start and not in act three.</summary>
    public sealed class DialogueGraph
    {
        private readonly Dictionary<string, DialogueNode> nodes = new Dictionary<string, DialogueNode>(StringComparer.Ordinal);

        private DialogueGraph(string start)
        {
            Start = start;
        }

        public string Start { get; }

        public int Count => nodes.Count;

        /// <summary>Throws FormatException naming the node that is wrong.</summary>
        public static DialogueGraph FromJson(string json)
        {
            Document document;
            try
            {
                document = JsonUtility.FromJson<Document>(json);
            }
            catch (ArgumentException error)
            {
                throw new FormatException("The story is not valid JSON.", error);
            }

            if (document?.nodes == null) throw new FormatException("The story has no nodes.");
            var graph = new DialogueGraph(document.start);
            foreach (DialogueNode node in document.nodes)
            {
                if (string.IsNullOrEmpty(node.id)) throw new FormatException("A node has no id.");
                if (graph.nodes.ContainsKey(node.id)) throw new FormatException("Two nodes are called '" + node.id + "'.");
                graph.nodes.Add(node.id, node);
            }

            graph.CheckLinks();
            return graph;
        }

        /// <summary>The node of an id, or null.</summary>
        public DialogueNode Find(string id)
        {
            return id != null && nodes.TryGetValue(id, out DialogueNode node) ? node : null;
        }

        private void CheckLinks()
        {
            CheckLink("start", Start);
            foreach (DialogueNode node in nodes.Values)
            {
                if (!string.IsNullOrEmpty(node.next)) CheckLink(node.id, node.next);
                if (!node.HasChoices) continue;
                foreach (DialogueChoice choice in node.choices) CheckLink(node.id, choice.next);
            }
        }

        private void CheckLink(string from, string to)
        {
            if (Find(to) == null) throw new FormatException("'" + from + "' leads to '" + to + "', which does not exist.");
        }

        [Serializable]
        private sealed class Document
        {
            public string start;
            public DialogueNode[] nodes;
        }
    }
}
