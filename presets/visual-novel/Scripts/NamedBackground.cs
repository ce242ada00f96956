using System;
using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>A place the story can name.</summary>
    [Serializable]
    public sealed class NamedBackground
    {
        [SerializeField] private string label;
        [SerializeField] private Sprite sprite;

        public string Label => label;
        public Sprite Sprite => sprite;
    }
}
