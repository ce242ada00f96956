using System;

namespace Spark.VisualNovel
{
    /// <summary>A stretch of lines in one place, then choices or the next node. Neither of them: the story ends here.</summary>
    [Serializable]
    public sealed class DialogueNode
    {
        public string id;
        public string background;
        public string left;
        public string right;
        public DialogueLine[] lines;
        public DialogueChoice[] choices;
        public string next;

        public bool HasChoices => choices != null && choices.Length > 0;
    }
}
