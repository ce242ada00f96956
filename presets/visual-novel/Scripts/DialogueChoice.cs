using System;

namespace Spark.VisualNovel
{
    /// <summary>One answer the player may give: where it leads, what it changes, and when it is offered.</summary>
    [Serializable]
    public sealed class DialogueChoice
    {
        public string text;
        public string next;
        public DialogueCondition when;
        public DialogueEffect[] effects;

        public bool IsOffered(StoryState state)
        {
            return when == null || when.HoldsIn(state);
        }
    }
}
