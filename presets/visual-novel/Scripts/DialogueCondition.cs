using System;

namespace Spark.VisualNovel
{
    /// <summary>Holds when a variable is at least a value. An empty name always holds (what is missing in the JSON is that).</summary>
    [Serializable]
    public sealed class DialogueCondition
    {
        public string variable;
        public int atLeast;

        public bool HoldsIn(StoryState state)
        {
            return string.IsNullOrEmpty(variable) || state.Get(variable) >= atLeast;
        }
    }
}
